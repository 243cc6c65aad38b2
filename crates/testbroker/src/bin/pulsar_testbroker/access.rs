//! Options for who clients are and what they may do.

use std::path::Path;
use std::time::Duration;

use pulsar_rs_testbroker::{Authentication, Authorization, Options, TokenKey};

pub(crate) const HELP: &str = "\
Clients have to show who they are with any of these, and may do what is listed with any of those below:

  --token-secret FILE    accept JSON web tokens signed with the bytes of the file (HS256)
  --token-public-key FILE  accept those signed with the private key for this one (PEM or DER; RS256, ES256)
  --users FILE           accept the users and passwords of the file, a line USER:PASSWORD for each
  --tls-roles            accept client certificates; their common name is the role
  --anonymous-role ROLE  clients that use another method, or none, have this role; else they are refused
  --refresh-check-ms N   how often to look for tokens that ended (default 60000)
  --super-user ROLE      may do everything; may be given several times, as the next two
  --producer-role ROLE   may produce
  --consumer-role ROLE   may consume
";

/// Takes an option of these in; false when it is another.
pub(crate) fn take(
    options: &mut Options,
    name: &str,
    value: &mut impl FnMut() -> Result<String, String>,
) -> Result<bool, String> {
    match name {
        "--super-user" | "--producer-role" | "--consumer-role" => {
            let rules = options.authorization.get_or_insert_with(Authorization::default);
            let roles = match name {
                "--super-user" => &mut rules.super_users,
                "--producer-role" => &mut rules.produce,
                _ => &mut rules.consume,
            };
            roles.insert(value()?);
            return Ok(true);
        }
        "--token-secret" | "--token-public-key" | "--users" | "--tls-roles" | "--anonymous-role"
        | "--refresh-check-ms" => {}
        _ => return Ok(false),
    }
    let authentication = options.authentication.get_or_insert_with(Authentication::default);
    match name {
        "--token-secret" => authentication.token = Some(TokenKey::Secret(read(&value()?)?)),
        "--token-public-key" => authentication.token = Some(TokenKey::Public(read(&value()?)?)),
        "--users" => {
            let path = value()?;
            let text = String::from_utf8(read(&path)?).map_err(|_| format!("{path} is no text"))?;
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            for (number, line) in lines.enumerate() {
                let missing = || format!("{path}: line {} is not USER:PASSWORD", number + 1);
                let (user, password) = line.split_once(':').ok_or_else(missing)?;
                authentication.users.insert(user.to_owned(), password.to_owned());
            }
        }
        "--tls-roles" => authentication.tls = true,
        "--anonymous-role" => authentication.anonymous_role = Some(value()?),
        _ => {
            let wrong = |text: String| format!("{name} wants a number, not {text:?}");
            let text = value()?;
            let check = text.parse().map_err(|_| wrong(text))?;
            authentication.refresh_check = Duration::from_millis(check);
        }
    }
    Ok(true)
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(Path::new(path)).map_err(|error| format!("cannot read {path}: {error}"))
}
