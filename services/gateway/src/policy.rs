//! Who may do what, by route: read from the OpenAPI document, so that what is written there is
//! what is enforced. A route that the document does not list lets nobody in.

mod price;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{Method, Uri};
use serde_json::Value;

use crate::auth::{Principal, Role, role_of};
use crate::problem::{Fault, Problem, catalogue};

pub use price::Price;

/// All routes, by path and method.
pub struct Policy {
    routes: BTreeMap<String, BTreeMap<String, Arc<Rule>>>,
}

/// What holds at one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub method: Method,
    /// The path with its parameters' names.
    pub route: String,
    access: Access,
    query: BTreeSet<String>,
    /// Whether a write must carry an Idempotency-Key.
    pub key_required: bool,
    /// Whether its answer is waited for without limit.
    pub is_patient: bool,
    /// What a write costs its caller.
    pub price: Price,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    Everyone,
    /// Everyone with a token.
    Users,
    Roles(Vec<Role>),
}

/// What describes the interface, outside the document.
const OPEN: [&str; 3] = ["/openapi.json", "/docs", "/docs/style.css"];
/// The document's marks for what its own words cannot say.
pub const PATIENT: &str = "x-patient";

impl Policy {
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let described = paths.map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            let rules = operations.filter_map(|(method, operation)| {
                let rule = Rule::of(path, method, operation)?;
                Some((rule.method.to_string(), Arc::new(rule)))
            });
            (path.clone(), rules.collect())
        });
        let open = OPEN.iter().map(|path| {
            let rule = Rule::open(path);
            let methods = BTreeMap::from([(Method::GET.to_string(), Arc::new(rule))]);
            ((*path).to_owned(), methods)
        });
        Self {
            routes: described.chain(open).collect(),
        }
    }

    /// What holds for a request to a known path.
    ///
    /// # Errors
    /// 404 for a path and 405 for a method that nothing is known of, with the methods that are.
    pub fn rule(&self, route: &str, method: &Method) -> Result<Arc<Rule>, Refused> {
        let Some(methods) = self.routes.get(route) else {
            return Err(Refused::Path);
        };
        // A HEAD is a GET whose body is not sent.
        let asked = if method == Method::HEAD {
            Method::GET.as_str()
        } else {
            method.as_str()
        };
        methods.get(asked).cloned().ok_or_else(|| {
            let known: Vec<&str> = methods.keys().map(String::as_str).collect();
            Refused::Method(known.join(", "))
        })
    }
}

/// Why there is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Path,
    /// The methods that the path takes.
    Method(String),
}

impl Rule {
    /// An operation without `security` of its own lets nobody in: its list of roles is empty.
    fn of(path: &str, method: &str, operation: &Value) -> Option<Self> {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let named = |place: &str| -> BTreeSet<String> {
            let here = parameters.iter().filter(|one| one["in"] == place);
            here.filter_map(|one| Some(one["name"].as_str()?.to_owned()))
                .collect()
        };
        let key = parameters
            .iter()
            .find(|one| one["name"] == "Idempotency-Key");
        Some(Self {
            method,
            route: path.to_owned(),
            access: Access::of(&operation["security"]),
            query: named("query"),
            key_required: key.is_some_and(|key| key["required"] == true),
            is_patient: operation[PATIENT] == true,
            price: Price::of(operation),
        })
    }

    fn open(path: &str) -> Self {
        Self {
            method: Method::GET,
            route: path.to_owned(),
            access: Access::Everyone,
            query: BTreeSet::new(),
            key_required: false,
            is_patient: false,
            price: Price::One,
        }
    }

    pub fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// # Errors
    /// 401 without a token where one is needed, 403 without one of the roles.
    pub fn admit(&self, principal: Option<&Principal>) -> Result<(), Problem> {
        let needed = match (&self.access, principal) {
            (Access::Everyone, _) | (Access::Users, Some(_)) => return Ok(()),
            (_, None) => return Err(unauthenticated()),
            (Access::Roles(roles), Some(principal)) if principal.has(roles) => return Ok(()),
            (Access::Roles(roles), Some(_)) => roles,
        };
        let words: Vec<&str> = needed.iter().map(|role| role.word()).collect();
        let detail = format!("this needs one of the roles: {}", words.join(", "));
        Err(Problem::new(catalogue::ROLE_REQUIRED, detail))
    }

    /// # Errors
    /// 400 with every parameter of the query that the route does not know, or that comes twice.
    pub fn check_query(&self, uri: &Uri) -> Result<(), Problem> {
        let mut seen = BTreeSet::new();
        let mut faults = Vec::new();
        for name in names(uri) {
            let known = self.query.contains(&name);
            let first = seen.insert(name.clone());
            if known && first {
                continue;
            }
            let (code, detail) = if known {
                ("invalid", "say it once".to_owned())
            } else {
                ("unknown", self.known_query())
            };
            faults.push(Fault {
                field: name,
                code,
                detail,
            });
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::faults(faults))
        }
    }

    fn known_query(&self) -> String {
        if self.query.is_empty() {
            return "this route takes no parameters in its query".to_owned();
        }
        let known: Vec<&str> = self.query.iter().map(String::as_str).collect();
        format!("this route knows {}", known.join(", "))
    }
}

fn names(uri: &Uri) -> Vec<String> {
    let read = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let pairs = read.map(|pairs| pairs.0).unwrap_or_default();
    pairs.into_iter().map(|(name, _)| name).collect()
}

fn unauthenticated() -> Problem {
    let detail = "send Authorization: Bearer with a valid token (iss, aud, exp, sub, roles)";
    Problem::new(catalogue::UNAUTHENTICATED, detail)
}

impl Access {
    fn of(security: &Value) -> Self {
        let Some(choices) = security.as_array() else {
            return Self::Roles(Vec::new());
        };
        if choices
            .iter()
            .any(|one| one.as_object().is_some_and(serde_json::Map::is_empty))
        {
            return Self::Everyone;
        }
        let scopes = choices.iter().filter_map(|one| one["bearer"].as_array());
        let scopes: Vec<&Value> = scopes.flatten().collect();
        if scopes.is_empty() && !choices.is_empty() {
            return Self::Users;
        }
        let roles = scopes.iter().filter_map(|word| role_of(word.as_str()?));
        Self::Roles(roles.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn access(operation: Value) -> Access {
        Rule::of("/v1/x", "get", &operation)
            .expect("a method")
            .access
    }

    #[test]
    fn a_route_that_does_not_say_whom_it_serves_serves_nobody() {
        assert_eq!(access(json!({})), Access::Roles(vec![]));
        assert_eq!(access(json!({ "security": [] })), Access::Roles(vec![]));
        assert_eq!(
            access(json!({ "security": [{ "bearer": ["emperor"] }] })),
            Access::Roles(vec![])
        );
        assert_eq!(
            access(json!({ "security": [{ "bearer": [] }] })),
            Access::Users
        );
        assert_eq!(access(json!({ "security": [{}] })), Access::Everyone);
        let creators = json!({ "security": [{ "bearer": ["creator", "admin"] }] });
        assert_eq!(
            access(creators),
            Access::Roles(vec![Role::Creator, Role::Admin])
        );
    }

    #[test]
    fn a_path_or_method_that_is_not_described_has_no_rule() {
        let policy = Policy::of(&json!({ "paths": { "/v1/x": { "get": {}, "put": {} } } }));
        assert_eq!(policy.rule("/v1/y", &Method::GET), Err(Refused::Path));
        let methods = Refused::Method("GET, PUT".into());
        assert_eq!(policy.rule("/v1/x", &Method::POST), Err(methods));
        assert!(policy.rule("/v1/x", &Method::HEAD).is_ok());
    }

    #[test]
    fn all_unknown_parameters_of_a_query_are_named_at_once() {
        let operation = json!({ "parameters": [{ "in": "query", "name": "limit" }] });
        let rule = Rule::of("/v1/x", "get", &operation).expect("a method");
        let check =
            |query: &str| rule.check_query(&format!("/v1/x?{query}").parse().expect("a URI"));
        assert!(check("limit=1").is_ok());
        let problem = check("limit=1&offset=2&page=3&limit=4").unwrap_err();
        let fields: Vec<&str> = problem
            .errors
            .iter()
            .map(|fault| fault.field.as_str())
            .collect();
        assert_eq!(fields, ["offset", "page", "limit"]);
    }
}
