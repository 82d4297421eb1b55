use forebay_contract::FailureCode;
use tokenizers::Tokenizer;

use crate::{failure::Failure, model::TextTable};

/// A text's token ids, cut off at the model's most.
pub(super) fn prepare(payload: &[u8], tokenizer: Option<&Tokenizer>, table: &TextTable) -> Result<Vec<i64>, Failure> {
    let invalid = |detail: String| Failure::new(FailureCode::TextInvalid, detail);
    let text = std::str::from_utf8(payload).map_err(|_| invalid("the text is not UTF-8".to_owned()))?;
    if text.trim().is_empty() {
        return Err(invalid("the text is empty".to_owned()));
    }
    // Bytes bound characters from above: only a long text is counted.
    if text.len() > table.max_chars && text.chars().count() > table.max_chars {
        return Err(invalid(format!("the text has more than {} characters", table.max_chars)));
    }
    let unavailable = || Failure::new(FailureCode::ModelUnavailable, "the model has no tokenizer");
    let tokens = tokenizer
        .ok_or_else(unavailable)?
        .encode_fast(text, true)
        .map_err(|_| invalid("the text cannot be tokenised".to_owned()))?;
    Ok(tokens.get_ids().iter().map(|id| i64::from(*id)).collect())
}
