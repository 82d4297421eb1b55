//! What a run begins with: a journal, and what of it is gone on with.

use std::path::Path;

use super::{
    advance::Book,
    journal::{Journal, Opened},
    ledger::Ledger,
    moments::{Moments, Spans},
    record::Begun,
    run::Options,
};
use crate::{failure::Failure, moment, show::Show};

/// What a run begins with.
pub(super) struct Start {
    pub(super) begun: Begun,
    pub(super) moments: Moments,
    pub(super) book: Book,
}

/// Opens the journal, where there is one, and says what of it is gone on with.
pub(super) fn start(options: &Options, begun: Begun, spans: Spans, show: &Show) -> Result<Start, Failure> {
    let now_ms = moment::now_ms();
    let Some(path) = options.journal.path() else {
        let book = Book { ledger: Ledger::default(), journal: None, unwritten: None, has_moments: false };
        return Ok(Start { begun, moments: spans.from(now_ms), book });
    };
    let Opened { journal, begun, moments: known, ledger, since_ms } = Journal::open(path, begun, options.anew)?;
    let (moments, because) = Moments::decide(known, spans, options.again, now_ms);
    let is_new = known.map_or(spans != Spans::default(), |known| known != moments);
    if options.journal.is_until_done() {
        show.say(&goes_on(path, ledger.len(), since_ms));
    }
    let goes_on = known.is_some() || ledger.len() > 0;
    if let Some(notice) = moments.notice(because, now_ms).filter(|_| goes_on) {
        show.say(&notice);
    }
    let (unwritten, has_moments) = (is_new.then_some(moments), known.is_some());
    Ok(Start { begun, moments, book: Book { ledger, journal: Some(journal), unwritten, has_moments } })
}

/// Where it is written down what is done, and what is there already.
fn goes_on(path: &Path, submitted: usize, since_ms: u64) -> String {
    let path = path.display();
    match submitted {
        0 => format!("if this is interrupted, the same command goes on; until all is done that is known from {path}"),
        _ => format!(
            "going on from {}, when {submitted} inputs were submitted; --anew begins from the start ({path})",
            moment::show(Some(since_ms))
        ),
    }
}
