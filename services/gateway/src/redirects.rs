//! Where a browser may be sent: the one check of every URL that a caller chooses.

use serde::Deserialize;

use crate::problem::Fault;

/// The allowed origins, and where browsers go when nobody says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirects {
    pub origins: String,
    pub checkout_success_url: String,
    pub checkout_cancel_url: String,
    pub onboarding_return_url: String,
    pub onboarding_refresh_url: String,
}

impl Redirects {
    /// # Errors
    /// The name of a default that is not below an allowed origin.
    pub fn validate(&self) -> Result<(), String> {
        let defaults = [
            ("checkout_success_url", &self.checkout_success_url),
            ("checkout_cancel_url", &self.checkout_cancel_url),
            ("onboarding_return_url", &self.onboarding_return_url),
            ("onboarding_refresh_url", &self.onboarding_refresh_url),
        ];
        match defaults.iter().find(|(_, url)| !self.allows(url)) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "redirects.{name} is not below one of redirects.origins"
            )),
        }
    }

    /// The URL that a caller gave, or the default.
    ///
    /// # Errors
    /// A fault of `field` when its origin is not allowed.
    pub fn chosen(
        &self,
        field: &str,
        given: Option<String>,
        default: &str,
    ) -> Result<String, Fault> {
        match given {
            None => Ok(default.to_owned()),
            Some(url) if url.len() <= URL_BYTES_MAX && self.allows(&url) => Ok(url),
            Some(_) => {
                let detail = format!("its origin is not among the allowed ones: {}", self.origins);
                Err(Fault::invalid(field, detail))
            }
        }
    }

    /// Whether a browser may be sent to `url`: its origin, whole, is in the list.
    #[must_use]
    fn allows(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else {
            return false;
        };
        // A browser reads a backslash as a slash, and leaves control characters out.
        if url.chars().any(|c| c == '\\' || c.is_control()) {
            return false;
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let origin = format!("{scheme}://{authority}");
        self.origins
            .split(',')
            .any(|allowed| allowed.trim() == origin)
    }
}

/// What browsers and Stripe take for sure.
const URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn redirects() -> Redirects {
        Redirects {
            origins: "https://site.example.com, http://localhost:3000".into(),
            checkout_success_url: String::new(),
            checkout_cancel_url: String::new(),
            onboarding_return_url: String::new(),
            onboarding_refresh_url: String::new(),
        }
    }

    #[test]
    fn a_redirect_goes_to_a_listed_origin_and_nowhere_that_looks_like_one() {
        for good in [
            "https://site.example.com",
            "https://site.example.com/a?b",
            "http://localhost:3000/x",
        ] {
            assert!(redirects().allows(good), "{good}");
        }
        for bad in [
            "http://site.example.com/",
            "https://site.example.com.evil.example.com/",
            "https://site.example.com@evil.example.com/",
            "https://site.example.com\\@evil.example.com/",
            "https://site.example.com/\n",
            "//site.example.com/",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!redirects().allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_url_that_nobody_gave_is_the_default_and_a_foreign_one_is_named() {
        let default = "http://localhost:3000/done";
        let chosen = |given: Option<&str>| {
            redirects().chosen("success_url", given.map(ToOwned::to_owned), default)
        };
        assert_eq!(chosen(None).as_deref(), Ok(default));
        assert_eq!(
            chosen(Some("http://localhost:3000")).as_deref(),
            Ok("http://localhost:3000")
        );
        let fault = chosen(Some("https://evil.example.com/")).unwrap_err();
        assert_eq!(fault.field, "success_url");
        let long = format!("http://localhost:3000/{}", "x".repeat(URL_BYTES_MAX));
        assert!(chosen(Some(&long)).is_err());
    }
}
