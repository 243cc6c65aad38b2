//! Parameters of authentication in one string, as the established clients write them.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::Error;

/// Names and values.
#[derive(Default)]
pub(super) struct Parameters {
    values: HashMap<String, Zeroizing<String>>,
}

impl Parameters {
    /// A JSON object, or `name:value,name:value`. A value of the second form may hold colons, but no comma.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.trim_start().starts_with('{') {
            return Parameters::parse_json(text);
        }
        let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
        let values = pairs.map(|(name, value)| (name.trim().to_owned(), Zeroizing::new(value.to_owned())));
        Ok(Parameters { values: values.collect() })
    }

    /// A JSON object. Its values are strings, numbers or booleans.
    pub fn parse_json(text: &str) -> Result<Self, Error> {
        // What serde says of it quotes nothing of the text.
        let parsed: Value = serde_json::from_str(text).map_err(|error| {
            Error::Authentication(format!(
                "the parameters are not JSON: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let Value::Object(object) = parsed else {
            return Err(Error::Authentication("the parameters are not a JSON object".into()));
        };
        let mut values = HashMap::new();
        for (name, value) in object {
            let value = match value {
                Value::String(value) => value,
                Value::Number(value) => value.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    return Err(Error::Authentication(format!("the parameter {name:?} is not a string")));
                }
            };
            values.insert(name, Zeroizing::new(value));
        }
        Ok(Parameters { values })
    }

    /// A value that may be absent; one that is empty counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A value that has to be there.
    pub fn want(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| Error::Authentication(format!("the parameter {name} is missing")))
    }
}

impl fmt::Debug for Parameters {
    /// The names alone.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_quote_nothing() {
        for text in [r#"{"password":"hunter2""#, r#"{"password":["hunter2"]}"#, r#"{"password":hunter2}"#] {
            let error = Parameters::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", Parameters::parse("password:hunter2").unwrap()).contains("hunter2"));
    }
}
