use forebay_contract::{FailureCode, TextError, check_text};
use tokenizers::Tokenizer;

use crate::{failure::Failure, model::TextTable};

/// A text as tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    /// The tokens' ids, as the tokenizer numbers them.
    pub(super) ids: Vec<i64>,
    /// Whether the text has more.
    pub(super) truncated: bool,
}

/// A text's tokens with the marks that the tokenizer puts around them, cut off at the model's most.
pub(super) fn prepare(payload: &[u8], tokenizer: Option<&Tokenizer>, table: &TextTable) -> Result<Tokens, Failure> {
    tokens(payload, tokenizer, table, Marked::Yes)
}

/// The tokens of a text that is to be continued, without marks, cut off at the beginning.
pub(super) fn prompt(payload: &[u8], tokenizer: Option<&Tokenizer>, table: &TextTable) -> Result<Tokens, Failure> {
    tokens(payload, tokenizer, table, Marked::No)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marked {
    Yes,
    No,
}

fn tokens(payload: &[u8], tokenizer: Option<&Tokenizer>, table: &TextTable, marked: Marked) -> Result<Tokens, Failure> {
    let text =
        std::str::from_utf8(payload).map_err(|_| Failure::new(FailureCode::TextNotUtf8, "the text is not UTF-8"))?;
    // The edge has looked already, by the catalog that it had.
    check_text(text, table.max_chars).map_err(|error| {
        let code = match error {
            TextError::Blank => FailureCode::TextEmpty,
            TextError::TooLong { .. } => FailureCode::TextTooLong,
        };
        Failure::new(code, error.to_string())
    })?;
    let unavailable = || Failure::new(FailureCode::ModelUnavailable, "the model has no tokenizer");
    let invalid = || Failure::new(FailureCode::TextInvalid, "the text cannot be tokenised");
    let tokens = tokenizer.ok_or_else(unavailable)?.encode_fast(text, marked == Marked::Yes).map_err(|_| invalid())?;
    let ids: Vec<i64> = tokens.get_ids().iter().map(|id| i64::from(*id)).collect();
    // A batch has room for at least one token of each.
    if ids.is_empty() { Err(invalid()) } else { Ok(Tokens { ids, truncated: !tokens.get_overflowing().is_empty() }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::{TruncationDirection, TruncationParams};

    use super::*;

    const TABLE: TextTable = TextTable { tokenizer: String::new(), max_tokens: 4, max_chars: 6 };

    fn words() -> Tokenizer {
        let json = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1, "?": 2}, "unk_token": "?"}}"#;
        json.parse().unwrap()
    }

    #[test]
    fn every_bad_text_has_its_own_code() {
        for (payload, expect) in [
            (&b"a b c"[..], Ok(vec![0, 1, 2])),
            (b"", Err(FailureCode::TextEmpty)),
            (b" \n\t ", Err(FailureCode::TextEmpty)),
            (b"a\xFFb", Err(FailureCode::TextNotUtf8)),
            (b"a b c d", Err(FailureCode::TextTooLong)),
            ("äöüäöü".as_bytes(), Ok(vec![2])),
        ] {
            for read in [prepare, prompt] {
                let found = read(payload, Some(&words()), &TABLE).map_err(|failure| failure.code);
                assert_eq!(found.map(|tokens| tokens.ids), expect, "{payload:?}");
            }
        }
        assert_eq!(prepare(b"a", None, &TABLE).unwrap_err().code, FailureCode::ModelUnavailable);
    }

    #[test]
    fn a_text_that_was_cut_says_so_whichever_end_was_kept() {
        let mut words = words();
        for (direction, cut) in [(TruncationDirection::Right, [0, 0, 1, 1]), (TruncationDirection::Left, [0, 1, 1, 2])]
        {
            let truncation = TruncationParams { max_length: 4, direction, ..TruncationParams::default() };
            words.with_truncation(Some(truncation)).unwrap();
            let table = TextTable { max_chars: 99, ..TABLE };
            let tokens = prepare(b"a a b b", Some(&words), &table).unwrap();
            assert_eq!(tokens, Tokens { ids: vec![0, 0, 1, 1], truncated: false });
            let tokens = prepare(b"a a b b c", Some(&words), &table).unwrap();
            assert_eq!(tokens, Tokens { ids: cut.to_vec(), truncated: true });
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_give_no_more_tokens_than_bytes(payload: Vec<u8>) {
            let table = TextTable { max_chars: 1000, ..TABLE };
            if let Ok(tokens) = prepare(&payload, Some(&words()), &table) {
                prop_assert!(tokens.ids.len() <= payload.len() && !tokens.truncated);
            }
        }

        #[test]
        fn arbitrary_files_are_no_tokenizers(file in ".{0,300}") {
            prop_assert!(file.parse::<Tokenizer>().is_err());
        }
    }
}
