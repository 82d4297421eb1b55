/// Why a text is not taken: said at the door, and again by whoever makes tokens of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing but white space.
    #[error("the text is blank: send some characters besides white space")]
    Blank,
    /// It has more characters than the model takes.
    #[error("the text has {chars} characters; at most {max_chars} are taken")]
    TooLong {
        /// How many it has.
        chars: usize,
        /// How many it may have.
        max_chars: usize,
    },
}

/// Whether a model that takes at most `max_chars` characters takes this text.
pub fn check(text: &str, max_chars: usize) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Blank);
    }
    // Bytes bound characters from above: only a long text is counted.
    if text.len() <= max_chars {
        return Ok(());
    }
    let chars = text.chars().count();
    if chars > max_chars { Err(TextError::TooLong { chars, max_chars }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_and_overlong_texts_are_told_apart() {
        for (text, expect) in [
            ("abc", Ok(())),
            (" a ", Ok(())),
            ("äöü", Ok(())),
            ("", Err(TextError::Blank)),
            (" \n\t\u{3000}", Err(TextError::Blank)),
            ("abcd", Err(TextError::TooLong { chars: 4, max_chars: 3 })),
            ("äöüß", Err(TextError::TooLong { chars: 4, max_chars: 3 })),
        ] {
            assert_eq!(check(text, 3), expect, "{text:?}");
        }
    }
}
