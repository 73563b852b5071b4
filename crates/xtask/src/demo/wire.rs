//! The second half of act 2: somebody comes in over MLLP, as other systems of a hospital send their messages.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::net::TcpStream;

use super::Cast;
use super::newcomer::Newcomer;
use super::player::{Player, must, on_one_line};
use crate::api::Call;
use crate::home::{Home, port};
use crate::mllp;

/// Sends a patient's registration over a connection of its own, again, and one that is damaged; then looks for the patient.
pub async fn admit(player: &Player, home: &Home, cast: &Cast, newcomer: &Newcomer) -> Result<()> {
    let mut line = mllp::connect(home.port(port::MLLP)).await?;
    let (registration, id) = (newcomer.adt("A04", 1), newcomer.control_id(1));
    let ack = send(player, &mut line, "over MLLP, somebody else", &registration).await?;
    must(ack.contains(&format!("\rMSA|AA|{id}")), "what was stored and applied is acknowledged with AA")?;
    let again = send(player, &mut line, "the same message again", &registration).await?;
    must(again == ack, "the stored acknowledgment comes again")?;
    let refused = send(player, &mut line, "a damaged one", &newcomer.damaged(2)).await?;
    must(refused.contains(&format!("\rMSA|AE|{}", newcomer.control_id(2))), "and what waits for a person with AE")?;

    let search = Call::get(format!("/api/patients/?search={}", newcomer.last_name())).by(&cast.receptionist);
    let found = player.play("the desk finds the patient", search, 200).await?;
    must(found.number("count")? == 1, "who came twice is there once")?;
    let patient = found.list("results")?.first().context("a page has its patients")?;
    let phone = patient.get("phone").and_then(Value::as_str);
    must(phone == Some(newcomer.phone().as_str()), "with what the message said of them")
}

async fn send(player: &Player, line: &mut TcpStream, what: &str, message: &str) -> Result<String> {
    let acknowledgment = mllp::exchange(line, message).await?;
    player.counted(1);
    say!("  {what}\n    MLLP {}\n    → {}", on_one_line(message), on_one_line(&acknowledgment));
    Ok(acknowledgment)
}
