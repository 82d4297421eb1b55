//! What a list of jobs is asked for.

use forebay_contract::{JobId, JobState, ProblemCode};

use super::{Refusal, refusal::quoted};

/// The most jobs of one page.
pub const MOST: u32 = 100;
/// The jobs of a page whose size nobody said.
pub const USUAL: u32 = 20;
/// The longest name of a model that anybody asks for, in characters.
const MAX_MODEL_CHARS: usize = 128;
/// The states that may be asked for.
pub const STATES: [JobState; 6] =
    [JobState::Queued, JobState::Running, JobState::Succeeded, JobState::Failed, JobState::Canceled, JobState::Expired];

/// The query of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// In this state alone.
    pub state: Option<JobState>,
    /// Of this model alone.
    pub model: Option<String>,
    /// After this job of an earlier page.
    pub cursor: Option<JobId>,
    /// The most jobs.
    pub limit: u32,
}

/// Reads `status`, `model`, `limit` and `cursor`, each at most once.
pub fn read(query: &str) -> Result<Asked, Refusal> {
    let mut asked = Asked { state: None, model: None, cursor: None, limit: USUAL };
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if seen.contains(&name) {
            return Err(invalid(format!("{} is given twice", quoted(&name))));
        }
        match name.as_ref() {
            "status" => {
                let state = STATES.into_iter().find(|state| state.name() == value);
                let names = STATES.map(JobState::name).join(", ");
                asked.state = Some(state.ok_or_else(|| invalid(format!("`status` must be one of {names}")))?);
            }
            "model" if (1..=MAX_MODEL_CHARS).contains(&value.chars().count()) => asked.model = Some(value.to_string()),
            "model" => return Err(invalid(format!("`model` must have 1 to {MAX_MODEL_CHARS} characters"))),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit) && !value.starts_with('+'));
                asked.limit =
                    limit.ok_or_else(|| invalid(format!("`limit` must be a whole number from 1 to {MOST}")))?;
            }
            "cursor" => {
                let cursor = value.parse().map_err(|_| invalid("`cursor` must be one that a list gave".to_owned()))?;
                asked.cursor = Some(cursor);
            }
            _ => {
                let detail =
                    format!("unknown query parameter {}; allowed: status, model, limit, cursor", quoted(&name));
                return Err(invalid(detail));
            }
        }
        seen.push(name);
    }
    Ok(asked)
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ProblemCode::InvalidQuery, detail)
}

#[cfg(test)]
mod tests {
    use forebay_contract::ShardKey;

    use super::*;

    #[test]
    fn a_list_is_asked_for_in_words_that_there_are() {
        let id = JobId::new(1, [0; 10], ShardKey::new("a", 0));
        let asked = read(&format!("status=running&model=m&limit=100&cursor={id}")).unwrap();
        let expect =
            Asked { state: Some(JobState::Running), model: Some("m".to_owned()), cursor: Some(id), limit: 100 };
        assert_eq!(asked, expect);
        assert_eq!(read("").unwrap().limit, 20);
        for query in [
            "status=done",
            "status=",
            "limit=0",
            "limit=101",
            "limit=+1",
            "limit=x",
            "cursor=",
            "cursor=1",
            "model=",
            "limit=1&limit=1",
            "page=2",
        ] {
            assert_eq!(read(query).unwrap_err().code, ProblemCode::InvalidQuery, "{query}");
        }
    }
}
