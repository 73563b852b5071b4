//! `cargo xtask demo`: a patient's journey, from the front desk to the cashier, against a running system.
//!
//! Every run has its own phone number, ABHA number, message ids and slots, so that it can be repeated as often as one likes.

mod booking;
mod desk;
mod money;
mod newcomer;
mod paper;
mod player;
mod waiting;
mod watching;
mod wire;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::api::Call;
use crate::demo_hospital;
use crate::home::Home;

use newcomer::Newcomer;
use player::{Player, must};

/// Everyone who takes part, signed in.
struct Cast {
    receptionist: String,
    doctor: String,
    accountant: String,
    doctor_id: i64,
}

/// Plays the journey and fails at the first thing that is not as it should be.
pub async fn demo(home: &Home) -> Result<()> {
    let hospital = demo_hospital::read(home).context("there is no demo hospital: `cargo xtask up` makes one")?;
    let player = Player::new(&hospital)?;
    let newcomer = Newcomer::now();

    player.act("1. Registration and signing in");
    let cast = sign_in(&player, &hospital, &newcomer).await?;
    player.act("2. HL7 v2: a patient comes in from the registration system, and another over MLLP");
    let patient = desk::import(&player, &cast, &newcomer).await?;
    wire::admit(&player, home, &cast, &newcomer.companion()).await?;
    player.act("3. Finding and reading the patient");
    desk::find(&player, &cast, &newcomer, patient).await?;
    player.act("4. Booking, also fifty at once");
    let (appointment, free) = booking::book(&player, &cast, patient).await?;
    player.act("   and waiting for a slot that somebody else has");
    waiting::wait(&player, &cast, &newcomer, patient, &free).await?;
    player.act("5. The visit, and what it costs");
    let visit = booking::visit(&player, &cast, patient, appointment).await?;
    money::bill(&player, &cast, patient, visit.appointment).await?;
    player.act("6. A laboratory's report: uploaded, inspected, found by its text, read");
    paper::report(&player, &cast, patient).await?;
    player.act("7. One trace from the gateway to another service's worker");
    watching::trace(home, &visit.trace).await?;
    say!("\nall as it should be: {} requests", player.count());
    Ok(())
}

async fn sign_in(player: &Player, hospital: &demo_hospital::Hospital, newcomer: &Newcomer) -> Result<Cast> {
    let password = newcomer.password();
    let body = json!({"username": newcomer.username(), "email": newcomer.email(), "password": password,
        "first_name": newcomer.first_name(), "last_name": newcomer.last_name(), "phone": newcomer.phone_as_typed()});
    let user = player.play("someone registers", Call::post("/api/users/register/").json(body), 201).await?;
    must(user.word("role")? == "PATIENT", "who registers by themselves is a PATIENT")?;
    must(!user.text.contains(&password), "the password is never in an answer")?;

    let login = json!({"username": newcomer.username(), "password": "not the password"});
    player.play("a wrong password", Call::post("/api/users/login/").json(login), 401).await?;
    let anonymous = player.play("no token", Call::get("/api/patients/"), 401).await?;
    must(
        anonymous.header("www-authenticate").is_some_and(|scheme| scheme.contains("Bearer")),
        "401 says how to sign in",
    )?;

    let desk = person(hospital, "RECEPTIONIST")?;
    let login = json!({"username": desk.username, "password": desk.password});
    let tokens = player.play("the receptionist signs in", Call::post("/api/users/login/").json(login), 200).await?;
    let refresh = json!({"refresh": tokens.word("refresh")?});
    let refreshed = player.play("and refreshes", Call::post("/api/users/refresh-token/").json(refresh), 200).await?;
    must(refreshed.word("refresh")? != tokens.word("refresh")?, "a refresh token is spent")?;

    let receptionist = refreshed.word("access")?.to_owned();
    let doctor = quiet_sign_in(player, hospital, "DOCTOR").await?;
    let me = player.play("the doctor's own profile", Call::get("/api/users/me/").by(&doctor), 200).await?;
    Ok(Cast {
        receptionist,
        doctor,
        accountant: quiet_sign_in(player, hospital, "ACCOUNTANT").await?,
        doctor_id: me.number("id")?,
    })
}

async fn quiet_sign_in(player: &Player, hospital: &demo_hospital::Hospital, role: &str) -> Result<String> {
    let person = person(hospital, role)?;
    player.api().sign_in(&person.username, &person.password).await
}

fn person<'a>(hospital: &'a demo_hospital::Hospital, role: &str) -> Result<&'a demo_hospital::SignIn> {
    hospital
        .users
        .iter()
        .find(|user| user.role == role)
        .with_context(|| format!("demo.json has nobody with the role {role}"))
}

/// Whether a list of objects has one with this `id`.
fn has_id(list: &[Value], id: i64) -> bool {
    list.iter().any(|entry| entry.get("id").and_then(Value::as_i64) == Some(id))
}
