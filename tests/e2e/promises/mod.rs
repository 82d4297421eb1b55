//! The list of promises.

mod algorithms_count_as_named;
mod anonymous_callers_are_told_apart_by_address;
mod anonymous_credits_run_out;
mod aws_outage_loses_nothing;
mod bad_input_is_named;
mod canceled_before_start_never_runs;
mod catalog_changes_while_running;
mod challenge_lets_people_in;
mod command_line_does_a_job;
mod console_follows_jobs;
mod crash_hurts_one_request_alone;
mod degraded_answers_say_so;
mod document_holds_under_fuzzing;
mod edge_restart_loses_nothing;
mod events_are_streamed_and_told_again;
mod every_limit_holds_and_is_named;
mod failing_version_is_cut_off;
mod flood_of_free_jobs_leaves_paid_ones_alone;
mod full_lane_lowers_rates;
mod full_lane_sheds;
mod guessing_address_is_held_back;
mod hammering_costs_no_object_call;
mod image_is_classified;
mod job_is_run_again;
mod job_starts_and_expires_on_time;
mod keys_are_managed;
mod killed_worker_loses_nothing;
mod late_job_is_refused_at_once;
mod limited_client_gets_in_when_told;
mod listeners_are_bounded;
mod log_holds_no_payload;
mod long_poll_answers_when_done;
mod long_silence_breaks_nothing;
mod lost_report_is_healed;
mod old_layout_is_read;
mod over_large_body_is_refused;
mod own_model_needs_no_rust;
mod plan_foretells_and_spends_nothing;
mod queue_outage_loses_nothing;
mod repeated_question_is_answered_from_the_cache;
mod repeated_request_is_one_job;
mod result_is_the_same_from_everywhere;
mod results_are_kept_as_long_as_planned;
mod same_seed_is_identical_and_cached;
mod same_submission_runs_once;
mod shared_limit_holds_for_everybody;
mod socket_tells_of_many_jobs;
mod text_is_embedded;
mod tokens_are_checked;
mod undecodable_image_fails_alone;
mod usage_counts_each_job_once;
mod version_is_chosen_by_rule;
mod wait_falls_under_its_estimate;
mod waiting_is_in_turn_and_bounded;
mod webhook_targets_are_bounded;
mod webhooks_are_signed_and_delivered;
mod wrong_key_is_refused;

use anyhow::Result;

use crate::stack::Hall;

/// Whether a promise is kept.
pub type Check = fn(&Hall) -> Result<()>;

/// Plans of the idle stack, each promise's own.
pub const PLANS: &[&str] = &[
    every_limit_holds_and_is_named::PLANS,
    algorithms_count_as_named::PLANS,
    waiting_is_in_turn_and_bounded::PLANS,
    hammering_costs_no_object_call::PLANS,
    anonymous_credits_run_out::PLANS,
    results_are_kept_as_long_as_planned::PLANS,
    limited_client_gets_in_when_told::PLANS,
];

/// Promises by name that are kept side by side. Those that restart and kill parts come first: they take longest.
pub const SIDE_BY_SIDE: &[(&str, Check)] = &[
    ("aws_outage_loses_nothing", aws_outage_loses_nothing::check),
    ("webhook_targets_are_bounded", webhook_targets_are_bounded::check),
    ("crash_hurts_one_request_alone", crash_hurts_one_request_alone::check),
    ("queue_outage_loses_nothing", queue_outage_loses_nothing::check),
    ("flood_of_free_jobs_leaves_paid_ones_alone", flood_of_free_jobs_leaves_paid_ones_alone::check),
    ("catalog_changes_while_running", catalog_changes_while_running::check),
    ("document_holds_under_fuzzing", document_holds_under_fuzzing::check),
    ("failing_version_is_cut_off", failing_version_is_cut_off::check),
    ("full_lane_sheds", full_lane_sheds::check),
    ("full_lane_lowers_rates", full_lane_lowers_rates::check),
    ("late_job_is_refused_at_once", late_job_is_refused_at_once::check),
    ("version_is_chosen_by_rule", version_is_chosen_by_rule::check),
    ("repeated_request_is_one_job", repeated_request_is_one_job::check),
    ("repeated_question_is_answered_from_the_cache", repeated_question_is_answered_from_the_cache::check),
    ("killed_worker_loses_nothing", killed_worker_loses_nothing::check),
    ("edge_restart_loses_nothing", edge_restart_loses_nothing::check),
    ("lost_report_is_healed", lost_report_is_healed::check),
    ("canceled_before_start_never_runs", canceled_before_start_never_runs::check),
    ("listeners_are_bounded", listeners_are_bounded::check),
    ("old_layout_is_read", old_layout_is_read::check),
    ("tokens_are_checked", tokens_are_checked::check),
    ("anonymous_callers_are_told_apart_by_address", anonymous_callers_are_told_apart_by_address::check),
    ("degraded_answers_say_so", degraded_answers_say_so::check),
    ("shared_limit_holds_for_everybody", shared_limit_holds_for_everybody::check),
    ("challenge_lets_people_in", challenge_lets_people_in::check),
    ("plan_foretells_and_spends_nothing", plan_foretells_and_spends_nothing::check),
    ("algorithms_count_as_named", algorithms_count_as_named::check),
    ("waiting_is_in_turn_and_bounded", waiting_is_in_turn_and_bounded::check),
    ("hammering_costs_no_object_call", hammering_costs_no_object_call::check),
    ("every_limit_holds_and_is_named", every_limit_holds_and_is_named::check),
    ("anonymous_credits_run_out", anonymous_credits_run_out::check),
    ("long_silence_breaks_nothing", long_silence_breaks_nothing::check),
    ("result_is_the_same_from_everywhere", result_is_the_same_from_everywhere::check),
    ("results_are_kept_as_long_as_planned", results_are_kept_as_long_as_planned::check),
    ("job_starts_and_expires_on_time", job_starts_and_expires_on_time::check),
    ("socket_tells_of_many_jobs", socket_tells_of_many_jobs::check),
    ("events_are_streamed_and_told_again", events_are_streamed_and_told_again::check),
    ("webhooks_are_signed_and_delivered", webhooks_are_signed_and_delivered::check),
    ("usage_counts_each_job_once", usage_counts_each_job_once::check),
    ("job_is_run_again", job_is_run_again::check),
    ("same_seed_is_identical_and_cached", same_seed_is_identical_and_cached::check),
    ("own_model_needs_no_rust", own_model_needs_no_rust::check),
    ("console_follows_jobs", console_follows_jobs::check),
    ("command_line_does_a_job", command_line_does_a_job::check),
    ("image_is_classified", image_is_classified::check),
    ("text_is_embedded", text_is_embedded::check),
    ("same_submission_runs_once", same_submission_runs_once::check),
    ("limited_client_gets_in_when_told", limited_client_gets_in_when_told::check),
    ("log_holds_no_payload", log_holds_no_payload::check),
    ("long_poll_answers_when_done", long_poll_answers_when_done::check),
    ("undecodable_image_fails_alone", undecodable_image_fails_alone::check),
    ("over_large_body_is_refused", over_large_body_is_refused::check),
    ("guessing_address_is_held_back", guessing_address_is_held_back::check),
    ("wrong_key_is_refused", wrong_key_is_refused::check),
    ("keys_are_managed", keys_are_managed::check),
    ("bad_input_is_named", bad_input_is_named::check),
];

/// Promises by name of what takes how long under a steady load: others beside them would make it unsteady.
pub const ALONE: &[(&str, Check)] = &[("wait_falls_under_its_estimate", wait_falls_under_its_estimate::check)];
