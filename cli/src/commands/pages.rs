//! Lists that the service gives page by page.

use forebay::{Answer, Delivery, DeliveryPage, Error, Job, JobPage};
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// The most that one page has.
pub(super) const LARGEST: u32 = 100;

/// One page of a list.
pub(super) trait Page {
    type Row;
    /// What the service calls the rows.
    const NAME: &'static str;

    /// Its rows, and where the next page begins.
    fn split(self) -> (Vec<Self::Row>, Option<String>);
}

impl Page for JobPage {
    type Row = Job;
    const NAME: &'static str = "jobs";

    fn split(self) -> (Vec<Job>, Option<String>) {
        (self.jobs, self.cursor)
    }
}

impl Page for DeliveryPage {
    type Row = Delivery;
    const NAME: &'static str = "deliveries";

    fn split(self) -> (Vec<Delivery>, Option<String>) {
        (self.deliveries, self.cursor)
    }
}

/// Rows of several pages, as types and as one page of JSON.
pub(super) struct Gathered<T> {
    pub(super) rows: Vec<T>,
    pub(super) json: Value,
}

/// Asks for page after page, until there are `limit` rows. `ask` is given how many rows are wanted, and where to begin.
pub(super) async fn gather<P: Page>(
    limit: u32,
    ask: impl AsyncFn(u32, Option<String>) -> Result<Answer<P>, Error>,
) -> Result<Gathered<P::Row>, Failure> {
    let (mut rows, mut json): (Vec<_>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut cursor = None;
    loop {
        let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        let mut page = ask(left.clamp(1, LARGEST), cursor.clone()).await?;
        if let Some(Value::Array(found)) = page.json.get_mut(P::NAME).map(Value::take) {
            json.extend(found);
        }
        let (found, next) = page.value.split();
        rows.extend(found);
        let is_new = next.is_some() && next != cursor;
        cursor = next;
        if !is_new || rows.len() >= limit as usize {
            break;
        }
    }
    let json = Map::from_iter([(P::NAME.to_owned(), json!(json)), ("cursor".to_owned(), json!(cursor))]);
    Ok(Gathered { rows, json: json.into() })
}
