//! Pages of listings.

use stepwell_model::limits::PAGE_SIZE_DEFAULT;
use stepwell_model::{ApiError, PageToken};
use stepwell_store::Place;
use stepwell_value::Value;

use crate::call::Call;
use crate::wire::Shape;

/// Where a page begins and how long it is.
pub(crate) struct Page<'a> {
    call: &'a Call<'a>,
    /// What is listed: a token of one listing does not open another.
    listing: Vec<String>,
    /// Where the page before ended; `None` on the first page.
    pub cursor: Option<Vec<u8>>,
    /// Items on a page.
    pub size: usize,
}

impl<'a> Page<'a> {
    /// The page that a request asks for. `of` says what is listed beyond operation, account and region: a parent, filters.
    ///
    /// # Errors
    /// InvalidToken.
    pub fn of(call: &'a Call<'a>, of: &[&str]) -> Result<Page<'a>, ApiError> {
        let caller = call.caller;
        let mut listing = vec![call.operation.name().to_owned(), caller.account.to_string(), caller.region.to_string()];
        listing.extend(of.iter().map(|part| (*part).to_owned()));
        let mut page = Page { call, listing, cursor: None, size: call.request.page_size(PAGE_SIZE_DEFAULT) };
        if let Some(token) = call.request.opt_str("nextToken") {
            let engine = call.engine();
            let token = PageToken::decode(token, engine.secret(), &page.listing(), engine.now())?;
            page.cursor = Some(token.cursor);
        }
        Ok(page)
    }

    /// The cursor of a listing by name.
    pub fn after_name(&self) -> Result<Option<&str>, ApiError> {
        self.cursor.as_deref().map(std::str::from_utf8).transpose().map_err(|_| ApiError::invalid_token())
    }

    /// The cursor of a listing by number.
    pub fn after_number(&self) -> Result<Option<u64>, ApiError> {
        let Some(cursor) = self.cursor.as_deref() else { return Ok(None) };
        cursor.try_into().map(|bytes| Some(u64::from_be_bytes(bytes))).map_err(|_| ApiError::invalid_token())
    }

    /// The cursor of a listing of executions.
    pub fn after_place(&self) -> Result<Option<Place>, ApiError> {
        let Some(cursor) = self.cursor.as_deref() else { return Ok(None) };
        cursor.try_into().map(|bytes| Some(Place::from_bytes(bytes))).map_err(|_| ApiError::invalid_token())
    }

    /// How many items to read: one more than fit, to know whether the listing goes on.
    pub fn to_read(&self) -> usize {
        self.size.saturating_add(1)
    }

    /// The answer: the items that fit, and a token when there are more. `cursor` tells from the last item of the page
    /// where the next one begins.
    pub fn answer<T>(
        &self,
        member: &'static str,
        mut items: Vec<T>,
        cursor: impl FnOnce(&T) -> Vec<u8>,
        write: impl FnMut(&T) -> Value,
    ) -> Value {
        let more = items.len() > self.size;
        items.truncate(self.size);
        let token = items.last().filter(|_| more).map(|last| self.token(cursor(last)));
        Shape::new().with(member, Value::array(items.iter().map(write))).with_some("nextToken", token).build()
    }

    fn token(&self, cursor: Vec<u8>) -> String {
        let engine = self.call.engine();
        PageToken::new(cursor, engine.now()).encode(engine.secret(), &self.listing())
    }

    fn listing(&self) -> Vec<&str> {
        self.listing.iter().map(String::as_str).collect()
    }
}
