//! The list of promises: a file here and its `mod` line are all that a promise needs.

mod algorithms_count_as_named;
mod an_enterprise_lane_is_isolated;
mod anonymous_callers_are_told_apart_by_address;
mod anonymous_credits_run_out;
mod aws_outage_loses_nothing;
mod bad_input_is_named;
mod broken_queue_loses_nothing;
mod canceled_before_start_never_runs;
mod catalog_changes_while_running;
mod challenge_lets_people_in;
mod command_line_does_a_job;
mod console_follows_jobs;
mod crash_hurts_one_request_alone;
mod degraded_answers_say_so;
mod document_holds_under_fuzzing;
mod edge_restart_loses_nothing;
mod erased_data_is_gone;
mod events_are_streamed_and_replayed;
mod every_limit_holds_and_is_named;
mod failing_version_is_cut_off;
mod flood_of_free_jobs_leaves_paid_ones_alone;
mod full_lane_lowers_rates;
mod full_lane_sheds;
mod guessing_address_is_held_back;
mod hammering_costs_no_object_call;
mod head_is_answered_like_get;
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
mod one_socket_follows_many_jobs;
mod over_large_body_is_refused;
mod own_model_needs_no_rust;
mod plan_foretells_and_spends_nothing;
mod production_edge_can_be_deployed;
mod python_client_does_a_job;
mod queue_outage_loses_nothing;
mod readiness_is_reported;
mod repeated_question_is_answered_from_the_cache;
mod repeated_request_is_one_job;
mod requests_are_read_as_clients_write_them;
mod result_is_the_same_from_everywhere;
mod results_are_kept_as_long_as_planned;
mod rotated_secrets_interrupt_nothing;
mod same_seed_is_identical_and_cached;
mod same_submission_runs_once;
mod shared_limit_holds_for_everybody;
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

/// These take longest, so they begin first, in this order.
pub const FIRST: &[&str] = &[
    "aws_outage_loses_nothing",
    "webhook_targets_are_bounded",
    "queue_outage_loses_nothing",
    "flood_of_free_jobs_leaves_paid_ones_alone",
    "an_enterprise_lane_is_isolated",
    "catalog_changes_while_running",
    "document_holds_under_fuzzing",
    "failing_version_is_cut_off",
    "full_lane_sheds",
    "full_lane_lowers_rates",
    "late_job_is_refused_at_once",
    "version_is_chosen_by_rule",
    "repeated_request_is_one_job",
    "repeated_question_is_answered_from_the_cache",
    "killed_worker_loses_nothing",
    "edge_restart_loses_nothing",
    "rotated_secrets_interrupt_nothing",
    "lost_report_is_healed",
    "canceled_before_start_never_runs",
    "readiness_is_reported",
    "listeners_are_bounded",
    "old_layout_is_read",
    "tokens_are_checked",
    "waiting_is_in_turn_and_bounded",
    "long_silence_breaks_nothing",
    "results_are_kept_as_long_as_planned",
    "job_starts_and_expires_on_time",
    "webhooks_are_signed_and_delivered",
];

/// What takes how long under a steady load: others beside these would make it unsteady.
pub const ALONE: &[&str] = &["wait_falls_under_its_estimate"];

// A row for each `mod` line above, by build.rs.
include!(concat!(env!("OUT_DIR"), "/promises.rs"));
