//! Which model version runs, in which lane, and whether it takes this input.

use forebay_contract::{
    Digest, Input, Lane, Namespace, ParameterError, Parameters, PlanClass, ProblemCode, TextError, WorkClass,
    catalog::{Catalog, LONGEST_WORK_MS, ModelSpec},
    check_text, resolve_parameters,
};
use serde_json::{Map, Value};

use super::{
    Refusal, Submission, image_header, rate_fields,
    refusal::quoted,
    version::{Asker, Because, Choice, NoChoice, choose},
};

/// A submission with everything the catalog decides.
#[derive(Debug, Clone)]
pub struct Routed<'a> {
    /// The model version that runs.
    pub model: &'a ModelSpec,
    /// Why this version.
    pub because: Because,
    /// The queue the job waits in.
    pub lane: Lane,
    /// Complete, canonical parameters.
    pub parameters: Parameters,
    /// Whether a parameter was drawn at random: then nobody can have asked for the same result before.
    pub drawn: bool,
}

/// What is to be routed.
#[derive(Debug, Clone, Copy)]
pub struct Unrouted<'a, 's> {
    /// What is served.
    pub catalog: &'a Catalog,
    /// The half of the lane that the caller's plan decides.
    pub class: PlanClass,
    /// Who asks.
    pub asker: Asker<'s>,
    /// For what.
    pub submission: &'s Submission,
}

/// Routes a submission. `broken` is asked as [`choose`] asks it; `draw(n)` gives a number in `0..n`.
pub fn route<'a>(
    unrouted: Unrouted<'a, '_>,
    broken: impl FnMut(&ModelSpec) -> Option<u64>,
    draw: impl FnMut(u64) -> u64,
) -> Result<Routed<'a>, Refusal> {
    let Unrouted { catalog, class, asker, submission } = unrouted;
    let choice = choose(catalog, &submission.model, asker, broken)
        .map_err(|why| no_choice(&submission.model, asker.version, why))?;
    with_model(catalog, choice, class, submission, draw)
}

/// What may answer in the place of a submission that was routed as `routed`: versions whose stored results may, best
/// first, and a lighter model, if there is one that takes the submission as it is.
pub fn degraded<'a>(unrouted: Unrouted<'a, '_>, routed: &Routed<'_>) -> (Vec<Routed<'a>>, Option<Routed<'a>>) {
    let Unrouted { catalog, class, submission, .. } = unrouted;
    let Some((name, serving)) = catalog.served_name(&submission.model) else { return Default::default() };
    // A seed that nobody gave is drawn once, for what was asked for: nothing else can stand in for it.
    let stand_in = |model| {
        let choice = Choice { model, because: Because::Fallback };
        with_model(catalog, choice, class, submission, |_| 0).ok().filter(|routed| !routed.drawn)
    };
    let versions = serving.stale.iter().filter(|version| **version != routed.model.version);
    let stale =
        versions.filter_map(|version| catalog.model(serving.model(name), version)).filter_map(stand_in).collect();
    let lighter = serving.lighter.as_ref().and_then(|name| catalog.stable_model(name)).and_then(stand_in);
    (stale, lighter)
}

/// The name of the result: results of one account are another's only where the model says so.
pub fn digest(model: &ModelSpec, account: &str, parameters: &Parameters, input: &Input) -> Digest {
    let namespace = if model.shareable { Namespace::Shared } else { Namespace::Account(account) };
    Digest::new(namespace, &model.name, &model.version, parameters, input)
}

fn with_model<'a>(
    catalog: &Catalog,
    choice: Choice<'a>,
    class: PlanClass,
    submission: &Submission,
    draw: impl FnMut(u64) -> u64,
) -> Result<Routed<'a>, Refusal> {
    let model = choice.model;
    check_input(model, &submission.input)?;
    let (parameters, drawn) = resolve(model, &submission.parameters, draw)?;
    check_work(model, &parameters)?;
    let lane = lane(catalog, class, model.work)?;
    Ok(Routed { model, because: choice.because, lane, parameters, drawn })
}

/// The lane in which jobs of these plans and of this kind wait today.
pub fn lane(catalog: &Catalog, class: PlanClass, work: WorkClass) -> Result<Lane, Refusal> {
    // A catalog that was checked has one for each.
    let missing = || {
        let detail = format!("no lane takes {} work of your plan: tell the operator", work.name());
        Refusal::new(ProblemCode::Internal, detail)
    };
    catalog.lane_of(class, work).ok_or_else(missing)
}

/// The refusal of a version that is served no more.
pub fn no_version(model: &str, version: &str) -> Refusal {
    let detail = format!("{} has no version {} any more: submit the input anew", quoted(model), quoted(version));
    Refusal::new(ProblemCode::VersionNotFound, detail)
}

fn no_choice(model: &str, version: Option<&str>, why: NoChoice) -> Refusal {
    match why {
        NoChoice::NoModel => {
            let detail = format!("there is no model {}; GET /v1/models lists them", quoted(model));
            Refusal::new(ProblemCode::ModelNotFound, detail)
        }
        NoChoice::NoVersion { versions } => {
            let version = quoted(version.unwrap_or_default());
            let detail = format!("{} has no version {version}; there are {}", quoted(model), versions.join(", "));
            Refusal::new(ProblemCode::VersionNotFound, detail)
        }
        NoChoice::Broken { retry_after_ms } => {
            let detail = format!("{} fails too often at the moment; try again in {retry_after_ms} ms", quoted(model));
            let refusal = Refusal::new(ProblemCode::ModelUnavailable, detail);
            refusal.with_header("retry-after", rate_fields::retry_after(retry_after_ms))
        }
    }
}

fn check_input(model: &ModelSpec, input: &Input) -> Result<(), Refusal> {
    if !model.takes(input.media_type) {
        let kind = |kind| serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned));
        let wanted = kind(model.input.kind).unwrap_or_default();
        let given = kind(input.media_type.kind()).unwrap_or_default();
        let detail = format!("{} takes input of kind {wanted}, not {given}", model.name);
        return Err(Refusal::new(ProblemCode::InputMismatch, detail));
    }
    if input.bytes.len() as u64 > model.input.max_bytes {
        let detail = format!(
            "the input has {} bytes; {} takes at most {}",
            input.bytes.len(),
            model.name,
            model.input.max_bytes
        );
        return Err(Refusal::new(ProblemCode::BodyTooLarge, detail));
    }
    check_length(model, input)?;
    model.input.image.as_ref().map_or(Ok(()), |limits| image_header::check(input.media_type, &input.bytes, limits))
}

/// The worker would refuse it too, after it has waited.
fn check_length(model: &ModelSpec, input: &Input) -> Result<(), Refusal> {
    let Some(limits) = model.input.text else { return Ok(()) };
    // It was read as UTF-8.
    let text = String::from_utf8_lossy(&input.bytes);
    check_text(&text, limits.max_chars as usize).map_err(|error| match error {
        TextError::Blank => Refusal::new(ProblemCode::InputInvalid, error.to_string()),
        TextError::TooLong { chars, max_chars } => {
            let detail = format!("the text has {chars} characters; {} takes at most {max_chars}", model.name);
            Refusal::new(ProblemCode::BodyTooLarge, detail)
        }
    })
}

fn resolve(
    model: &ModelSpec,
    given: &Map<String, Value>,
    mut draw: impl FnMut(u64) -> u64,
) -> Result<(Parameters, bool), Refusal> {
    let mut drawn = false;
    let parameters = resolve_parameters(&model.parameters, given, |span| {
        drawn = true;
        draw(span)
    });
    match parameters {
        Ok(parameters) => Ok((parameters, drawn)),
        Err(error @ (ParameterError::Unknown { .. } | ParameterError::Invalid { .. })) => {
            Err(Refusal::new(ProblemCode::InvalidParameter, error.to_string()))
        }
    }
}

/// A worker would refuse it too, after it has waited.
fn check_work(model: &ModelSpec, parameters: &Parameters) -> Result<(), Refusal> {
    if let Some((asked, context)) = model.beyond_context(parameters) {
        let detail = format!(
            "`max_tokens` is {asked}, and {} holds {context} tokens, those of the text included: ask for fewer",
            model.name
        );
        return Err(Refusal::new(ProblemCode::ContextExceeded, detail));
    }
    let cost_ms = model.predicted_cost_ms(parameters);
    if cost_ms > LONGEST_WORK_MS {
        let minutes = (cost_ms / 60_000.0).ceil();
        let mut detail = format!("the job would take about {minutes} minutes of a device, which is more than any may");
        if let Some(name) = &model.cost_parameter {
            let most = model.most_of_cost_parameter();
            detail.push_str(&format!(": `{name}` may be at most {most}"));
        }
        return Err(Refusal::new(ProblemCode::WorkTooLong, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use forebay_contract::{MediaType, catalog::LaneSpec};
    use serde_json::json;

    use super::*;

    fn catalog() -> Catalog {
        let model = |name: &str, kind: &str, extra: Value| {
            let mut model = json!({
                "name": name, "version": "1", "task": "t", "title": "t", "licence": "MIT", "work": "heavy",
                "cost_ms": 1.0, "input": {"kind": kind, "max_bytes": 100}, "parameters": {},
            });
            for (key, value) in extra.as_object().unwrap() {
                model[key] = value.clone();
            }
            model
        };
        let json = json!({
            "models": [
                model("texts", "text", json!({"input": {
                    "kind": "text", "max_bytes": 100, "text": {"max_chars": 10, "max_tokens": 4}
                }})),
                model("seeds", "none", json!({"parameters": {"seed": {"type": "integer", "min": 0, "max": 9}}})),
                model("writers", "text", json!({
                    "input": {"kind": "text", "max_bytes": 100, "text": {
                        "max_chars": 10, "max_tokens": 4, "context": 6
                    }},
                    "parameters": {"max_tokens": {"type": "integer", "min": 1, "max": 99, "default": 5}},
                })),
                model("slow", "none", json!({
                    "cost_ms": 1_000_000.0, "cost_parameter": "count",
                    "parameters": {"count": {"type": "integer", "min": 1, "max": 99, "default": 36}},
                })),
                model("images", "image", json!({"input": {
                    "kind": "image", "max_bytes": 100, "image": {"min_side": 2, "max_pixels": 100}
                }})),
            ],
            "serving": {"texts": {"version": "1"}, "seeds": {"version": "1"}, "images": {"version": "1"},
                "writers": {"version": "1"}, "slow": {"version": "1"}},
            "plans": {"free": {"class": "free", "limits": []}},
        });
        Catalog::from_json(&json.to_string()).unwrap()
    }

    fn check(
        model: &str,
        media_type: MediaType,
        bytes: &[u8],
        parameters: &Value,
    ) -> Result<(Lane, bool), ProblemCode> {
        let catalog = catalog();
        let submission = Submission {
            model: model.to_owned(),
            input: Input { media_type, bytes: bytes.to_vec() },
            parameters: parameters.as_object().unwrap().clone(),
            deadline: None,
            not_before: None,
        };
        let asker = Asker { account: "a", plan: "free", groups: &[], version: None };
        let unrouted = Unrouted { catalog: &catalog, class: PlanClass::FREE, asker, submission: &submission };
        route(unrouted, |_| None, |span| span - 1)
            .map(|routed| (routed.lane, routed.drawn))
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_job_needs_a_model_its_kind_of_input_and_its_parameters() {
        use MediaType::{Empty, PlainText, Png};
        assert_eq!(check("texts", PlainText, b"hi", &json!({})), Ok((Lane::FREE_HEAVY, false)));
        assert_eq!(check("texts", PlainText, "äöüäöüäöüä".as_bytes(), &json!({})), Ok((Lane::FREE_HEAVY, false)));
        assert_eq!(check("texts", PlainText, b"eleven char", &json!({})), Err(ProblemCode::BodyTooLarge));
        assert_eq!(check("texts", PlainText, b" ", &json!({})), Err(ProblemCode::InputInvalid));
        assert_eq!(check("text", PlainText, b"hi", &json!({})), Err(ProblemCode::ModelNotFound));
        assert_eq!(check("texts", Empty, b"", &json!({})), Err(ProblemCode::InputMismatch));
        assert_eq!(check("texts", PlainText, &[b'x'; 101], &json!({})), Err(ProblemCode::BodyTooLarge));
        assert_eq!(check("texts", PlainText, b"hi", &json!({"k": 1})), Err(ProblemCode::InvalidParameter));
        assert_eq!(check("images", Png, b"hi", &json!({})), Err(ProblemCode::ImageUnrecognized));
        assert_eq!(check("seeds", Empty, b"", &json!({"seed": 10})), Err(ProblemCode::InvalidParameter));
    }

    #[test]
    fn what_no_worker_could_finish_is_refused_before_it_waits() {
        use MediaType::{Empty, PlainText};
        let taken = Ok((Lane::FREE_HEAVY, false));
        assert_eq!(check("writers", PlainText, b"hi", &json!({})), taken);
        assert_eq!(check("writers", PlainText, b"hi", &json!({"max_tokens": 6})), Err(ProblemCode::ContextExceeded));
        assert_eq!(check("slow", Empty, b"", &json!({})), taken);
        assert_eq!(check("slow", Empty, b"", &json!({"count": 37})), Err(ProblemCode::WorkTooLong));
    }

    #[test]
    fn a_drawn_seed_is_told_apart_from_a_given_one() {
        assert_eq!(check("seeds", MediaType::Empty, b"", &json!({})), Ok((Lane::FREE_HEAVY, true)));
        assert_eq!(check("seeds", MediaType::Empty, b"", &json!({"seed": 3})), Ok((Lane::FREE_HEAVY, false)));
    }

    #[test]
    fn a_job_waits_in_the_lane_of_its_plans_class_and_its_models_work() {
        let mut catalog = catalog();
        let class: PlanClass = "acme".parse().unwrap();
        assert_eq!(lane(&catalog, class, WorkClass::Light).unwrap_err().code, ProblemCode::Internal);
        let acme: Lane = "acme".parse().unwrap();
        catalog.lanes.insert(acme, LaneSpec::of(class));
        for (class, work, expect) in [
            (class, WorkClass::Light, acme),
            (class, WorkClass::Heavy, acme),
            (PlanClass::PAID, WorkClass::Light, Lane::PAID_LIGHT),
            (PlanClass::FREE, WorkClass::Heavy, Lane::FREE_HEAVY),
        ] {
            assert_eq!(lane(&catalog, class, work).unwrap(), expect, "{class} {work:?}");
        }
    }
}
