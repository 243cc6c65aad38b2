//! What tests want clients to show, while the broker runs.

use std::time::Duration;

use super::jwt::issue;
use super::{Authentication, Authorization, TokenKey};
use crate::TestBroker;

impl TestBroker {
    /// From now on clients have to show who they are, or, without this, no longer. Those that are connected stay so.
    pub fn require_authentication(&self, authentication: Option<Authentication>) {
        self.call(move |broker| broker.options.authentication = authentication);
    }

    /// From now on roles may do no more than this, or, without it, everything.
    pub fn authorize(&self, authorization: Option<Authorization>) {
        self.call(move |broker| broker.options.authorization = authorization);
    }

    /// Accepts a user with a password, beside others. False unless clients have to show who they are.
    pub fn add_user(&self, user: &str, password: &str) -> bool {
        let (user, password) = (user.to_owned(), password.to_owned());
        self.call(move |broker| {
            let authentication = broker.options.authentication.as_mut();
            authentication.map(|authentication| authentication.users.insert(user, password)).is_some()
        })
    }

    /// From now on roles may do no more than they were permitted, and this one what is said here.
    pub fn permit(&self, role: &str, produce: bool, consume: bool) {
        let role = role.to_owned();
        self.call(move |broker| {
            let rules = broker.options.authorization.get_or_insert_with(Authorization::default);
            for (roles, permitted) in [(&mut rules.produce, produce), (&mut rules.consume, consume)] {
                if permitted {
                    roles.insert(role.clone());
                } else {
                    roles.remove(&role);
                }
            }
        });
    }

    /// Makes a token for a role that the broker accepts, for a while or for ever. None unless tokens are checked with a
    /// [`TokenKey::Secret`].
    pub fn issue_token(&self, role: &str, lifetime: Option<Duration>) -> Option<String> {
        let role = role.to_owned();
        self.call(move |broker| match broker.options.authentication.as_ref()?.token.as_ref()? {
            TokenKey::Secret(secret) => Some(issue(secret, &role, lifetime)),
            TokenKey::Public(_) => None,
        })
    }
}
