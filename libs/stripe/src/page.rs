//! Lists come in pages; a walk reads them all.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use stripe_client_core::RequestBuilder;

use crate::client::Stripe;
use crate::failure::Failure;

/// The most items that Stripe gives at once.
pub(crate) const PAGE_MAX: i64 = 100;

/// Where a page begins. Stripe lists the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cursor {
    /// The newest items.
    #[default]
    Newest,
    /// The items that follow this id, hence older ones.
    OlderThan(String),
    /// The items just before this id in the list, hence newer ones; still newest first.
    NewerThan(String),
}

/// Part of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    #[serde(rename = "data")]
    pub items: Vec<T>,
    /// Whether more items lie beyond this page, in the direction of the cursor.
    #[serde(default)]
    pub has_more: bool,
}

/// Something that a cursor can point at.
pub(crate) trait Listed {
    fn cursor(&self) -> &str;
}

impl Stripe {
    /// Every item of a list. All or nothing: an absence may be concluded from it.
    ///
    /// `page_after` makes the request for the page after an id, or for the first one.
    pub(crate) async fn walk<T: DeserializeOwned + Listed>(
        &self,
        account: Option<&str>,
        page_after: impl Fn(Option<String>) -> RequestBuilder,
    ) -> Result<Vec<T>, Failure> {
        let mut found: Vec<T> = Vec::new();
        loop {
            let after = found.last().map(|item| item.cursor().to_owned());
            let page: Page<T> = self.ask(page_after(after), account).await?;
            let stuck = page.has_more && page.items.is_empty();
            found.extend(page.items);
            if stuck {
                return Err(Failure::unreadable(None));
            }
            if !page.has_more {
                return Ok(found);
            }
        }
    }
}
