use anyhow::{Context as _, Result};

use crate::repository::Repository;

/// What clients send to one model, again and again.
#[derive(Debug, Clone)]
pub(super) struct Jobs {
    pub(super) model: &'static str,
    pub(super) payloads: Vec<Payload>,
}

/// One job's input as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    /// `None` for a seed.
    pub(super) media_type: Option<&'static str>,
    pub(super) bytes: Vec<u8>,
}

/// The three shipped models: pictures, texts of 5 to 200 tokens, seeds.
pub(super) fn all(repository: &Repository) -> Result<Vec<Jobs>> {
    let picture = |name: &str, media_type| {
        let path = repository.path("tests/fixtures").join(name);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        anyhow::Ok(Payload { media_type: Some(media_type), bytes })
    };
    let pictures = vec![
        picture("chelsea.png", "image/png")?,
        picture("coffee.png", "image/png")?,
        picture("rocket.jpg", "image/jpeg")?,
    ];
    let texts = (0..256).map(|number| Payload { media_type: Some("text/plain"), bytes: text(number).into_bytes() });
    let seeds = (0..1024).map(|seed: u64| Payload { media_type: None, bytes: seed.to_string().into_bytes() });
    Ok(vec![
        Jobs { model: "efficientnet-lite0", payloads: pictures },
        Jobs { model: "all-minilm-l6-v2", payloads: texts.collect() },
        Jobs { model: "dcgan-faces", payloads: seeds.collect() },
    ])
}

/// Texts of 5 to 200 tokens, short ones and long ones in turn as they come from clients.
fn text(number: u64) -> String {
    const WORDS: [&str; 12] =
        ["the", "river", "turns", "a", "wheel", "while", "water", "waits", "in", "its", "pool", "above"];
    // A multiplicative hash: spread evenly, and the same in every run.
    let words = 3 + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 196;
    let start = usize::try_from(number % 12).unwrap_or(0);
    let text: Vec<&str> = WORDS.iter().copied().cycle().skip(start).step_by(7).take(words as usize).collect();
    text.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_mixed_and_always_the_same() {
        let words: Vec<usize> = (0..256).map(|number| text(number).split(' ').count()).collect();
        assert!(words.iter().all(|words| (3..=198).contains(words)));
        assert!(words.iter().any(|words| *words < 20) && words.iter().any(|words| *words > 180));
        assert_eq!(text(7), text(7));
    }
}
