//! The list of promises.

mod bad_input_is_named;
mod canceled_before_start_never_runs;
mod edge_restart_loses_nothing;
mod image_is_classified;
mod killed_worker_loses_nothing;
mod limited_client_gets_in_when_told;
mod log_holds_no_payload;
mod long_poll_answers_when_done;
mod lost_report_is_healed;
mod over_large_body_is_refused;
mod own_model_needs_no_rust;
mod same_seed_is_identical_and_cached;
mod same_submission_runs_once;
mod text_is_embedded;
mod undecodable_image_fails_alone;
mod wrong_key_is_refused;

use anyhow::Result;

use crate::stack::Hall;

type Check = fn(&Hall) -> Result<()>;

/// Every promise by name. Those that restart and kill parts come first: they take longest.
pub const ALL: [(&str, Check); 16] = [
    ("killed_worker_loses_nothing", killed_worker_loses_nothing::check),
    ("edge_restart_loses_nothing", edge_restart_loses_nothing::check),
    ("lost_report_is_healed", lost_report_is_healed::check),
    ("canceled_before_start_never_runs", canceled_before_start_never_runs::check),
    ("same_seed_is_identical_and_cached", same_seed_is_identical_and_cached::check),
    ("own_model_needs_no_rust", own_model_needs_no_rust::check),
    ("image_is_classified", image_is_classified::check),
    ("text_is_embedded", text_is_embedded::check),
    ("same_submission_runs_once", same_submission_runs_once::check),
    ("limited_client_gets_in_when_told", limited_client_gets_in_when_told::check),
    ("log_holds_no_payload", log_holds_no_payload::check),
    ("long_poll_answers_when_done", long_poll_answers_when_done::check),
    ("undecodable_image_fails_alone", undecodable_image_fails_alone::check),
    ("over_large_body_is_refused", over_large_body_is_refused::check),
    ("wrong_key_is_refused", wrong_key_is_refused::check),
    ("bad_input_is_named", bad_input_is_named::check),
];
