//! An address that tries one unknown key after another is soon refused before anything is looked up; known callers
//! from the same address are not.

use anyhow::{Result, ensure};

use crate::{
    client::{Client, Request},
    stack::{Hall, Infra, Options},
};

/// So many in a window of a minute: fewer than `edge/wrangler.jsonc` has, which no slow machine would come to.
const LIMIT: u32 = 20;

pub fn check(hall: &Hall) -> Result<()> {
    let options = Options { knocks: Some(LIMIT), infra: Infra::Common, ..Options::default() };
    let stack = hall.own("guessed", &options)?;
    // The local runtime lets callers say where they are: this address is no other promise's.
    let address = ("cf-connecting-ip", "198.51.100.77");
    let nobody = Client::new(&stack.origin(), None);
    let guess = |n: u32| {
        let bearer = format!("Bearer fb_{n:043}");
        let headers = [("authorization", bearer.as_str()), address];
        nobody.send(&Request { method: "GET", path: "/v1/models", headers: &headers, body: None })
    };
    let mut looked_up = 0;
    let refused = loop {
        let answer = guess(looked_up)?;
        if answer.status != 401 {
            break answer;
        }
        answer.expect_problem(401, "invalid-credentials")?;
        looked_up += 1;
        // A window may end meanwhile, but not two.
        ensure!(looked_up <= 2 * LIMIT, "{looked_up} guesses were looked up");
    };
    ensure!(looked_up >= LIMIT, "refused after {looked_up} guesses");
    refused.expect_problem(429, "too-many-attempts")?;
    ensure!(refused.must("retry-after")? == "60", "{refused:?}");

    let owner = stack.client("guessing_address_is_held_back")?;
    // Known since then, whatever its address does.
    owner.get("/v1/models")?.expect(200)?;
    owner.send(&Request { method: "GET", path: "/v1/models", headers: &[address], body: None })?.expect(200)?;
    Ok(())
}
