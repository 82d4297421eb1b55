use forebay_contract::{ParameterValue, Parameters};

use super::sample::Sampler;
use crate::{
    model::{Marks, StepsTable},
    output::{Continuation, Finish},
};

/// One text that is being continued. Pure.
#[derive(Debug)]
pub(super) struct Sequence {
    tokens: Vec<i64>,
    /// How many of the tokens were there before.
    prompt: usize,
    /// How many are to be added.
    wanted: usize,
    sampler: Sampler,
    finish: Option<Finish>,
}

/// The answer was no logits: NaN, infinity or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoLogits;

impl Sequence {
    /// Continues `prompt` as the model and the job say.
    pub(super) fn new(prompt: Vec<i64>, steps: &StepsTable, parameters: &Parameters) -> Self {
        let whole = |name: &str| match parameters.get(name) {
            Some(ParameterValue::Integer(number)) => Some(*number),
            _ => None,
        };
        let temperature = match parameters.get("temperature") {
            Some(ParameterValue::Number(temperature)) => *temperature,
            Some(ParameterValue::Integer(temperature)) => *temperature as f64,
            _ => 0.0,
        };
        let count = |name: &str| whole(name).and_then(|number| usize::try_from(number).ok());
        // Whoever made the prompt left room for all of them. What is beyond it would be an index error on the device, which
        // can be the end of the process.
        let room = steps.context.map_or(usize::MAX, |context| context.saturating_sub(prompt.len()));
        let wanted = steps.wanted(parameters).min(room);
        let sampler = Sampler::new(temperature, count("top_k").unwrap_or(0), whole("seed").unwrap_or(0) as u64);
        let finish = (wanted == 0).then_some(Finish::Length);
        Self { prompt: prompt.len(), tokens: prompt, wanted, sampler, finish }
    }

    /// What the model is called with next; `None` when the text is finished.
    pub(super) fn open(&self) -> Option<&[i64]> {
        self.finish.is_none().then_some(self.tokens.as_slice())
    }

    /// Takes the model's answer: logits of the whole vocabulary, or one number, which is the next token itself.
    pub(super) fn step(&mut self, answer: &[f32], marks: &Marks) -> Result<(), NoLogits> {
        let next = match answer {
            [token] if token.is_finite() && *token >= 0.0 => *token as i64,
            [_] => return Err(NoLogits),
            logits => self.sampler.next(logits).ok_or(NoLogits)? as i64,
        };
        if marks.stop.contains(&next) {
            self.finish = Some(Finish::Stop);
        } else {
            self.tokens.push(next);
            if self.done() >= self.wanted {
                self.finish = Some(Finish::Length);
            }
        }
        Ok(())
    }

    /// How many tokens are added so far.
    pub(super) fn done(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    /// How many there will be at most.
    pub(super) fn total(&self) -> usize {
        self.wanted
    }

    /// What was added to the prompt, and why no more was.
    pub(super) fn into_continuation(self) -> Continuation {
        let added = self.tokens.get(self.prompt..).unwrap_or_default();
        Continuation {
            tokens: added.iter().filter_map(|token| u32::try_from(*token).ok()).collect(),
            finish: self.finish.unwrap_or(Finish::Length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(max_new_tokens: usize) -> StepsTable {
        StepsTable { max_new_tokens, context: None, begin: None, stop: Vec::new(), report_every: 1 }
    }

    #[test]
    fn it_ends_with_a_stop_token_or_when_it_is_long_enough() {
        let marks = Marks { begin: None, stop: vec![2] };
        let mut sequence = Sequence::new(vec![5, 6], &steps(9), &Parameters::new());
        for answer in [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]] {
            assert!(sequence.open().is_some());
            sequence.step(&answer, &marks).unwrap();
        }
        assert_eq!((sequence.open(), sequence.done(), sequence.total()), (None, 2, 9));
        assert_eq!(sequence.into_continuation(), Continuation { tokens: vec![1, 0], finish: Finish::Stop });

        let parameters = Parameters::from([("max_tokens".to_owned(), ParameterValue::Integer(1))]);
        let mut short = Sequence::new(vec![5], &steps(9), &parameters);
        short.step(&[7.0], &marks).unwrap();
        assert_eq!(short.into_continuation(), Continuation { tokens: vec![7], finish: Finish::Length });
    }

    #[test]
    fn no_job_gets_more_than_the_model_allows() {
        let parameters = Parameters::from([("max_tokens".to_owned(), ParameterValue::Integer(1_000_000))]);
        assert_eq!(Sequence::new(vec![1], &steps(9), &parameters).total(), 9);
        for (prompt, total) in [(1, 4), (4, 1), (5, 0), (6, 0)] {
            let steps = StepsTable { context: Some(5), ..steps(9) };
            let sequence = Sequence::new(vec![1; prompt], &steps, &parameters);
            assert_eq!((sequence.total(), sequence.open().is_some()), (total, total > 0));
        }
    }

    #[test]
    fn what_is_no_logits_is_an_error() {
        let mut sequence = Sequence::new(vec![1], &steps(9), &Parameters::new());
        for answer in [&[][..], &[f32::NAN], &[-1.0], &[0.0, f32::INFINITY]] {
            assert_eq!(sequence.step(answer, &Marks::default()), Err(NoLogits));
        }
    }
}
