//! The demo hospital: people to sign in as, doctors with hours, and a few patients. Made through the API, as a client would.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::api::{Api, Call};
use crate::cargo::Binaries;
use crate::home::{Home, Wire, write_private};
use crate::process::run;
use crate::secrets::Secrets;
use crate::tls::Certificates;

/// `demo.json`: what runs where, and who may sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hospital {
    /// The gateway's address.
    pub gateway: String,
    /// Who signed its certificate, where it speaks HTTPS: a PEM file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<PathBuf>,
    /// Everyone.
    pub users: Vec<SignIn>,
}

/// One demo user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The role, as tokens say it.
    pub role: String,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// Someone to register.
struct Person {
    role: &'static str,
    username: &'static str,
    names: (&'static str, &'static str),
    phone: &'static str,
    doctor: Option<(&'static str, &'static str)>,
}

const PEOPLE: [Person; 8] = [
    Person {
        role: "RECEPTIONIST",
        username: "reception",
        names: ("Kavitha", "Subramanian"),
        phone: "98400 10001",
        doctor: None,
    },
    Person {
        role: "ACCOUNTANT",
        username: "accounts",
        names: ("Farhan", "Qureshi"),
        phone: "98400 10002",
        doctor: None,
    },
    Person { role: "NURSE", username: "nurse", names: ("Mercy", "Thomas"), phone: "98400 10003", doctor: None },
    Person { role: "AUDITOR", username: "auditor", names: ("Devika", "Rao"), phone: "98400 10004", doctor: None },
    Person {
        role: "DOCTOR",
        username: "dr.iyer",
        names: ("Ananya", "Iyer"),
        phone: "98400 10011",
        doctor: Some(("General Medicine", "TNMC-61001")),
    },
    Person {
        role: "DOCTOR",
        username: "dr.khan",
        names: ("Imran", "Khan"),
        phone: "98400 10012",
        doctor: Some(("Cardiology", "TNMC-61002")),
    },
    Person {
        role: "DOCTOR",
        username: "dr.patel",
        names: ("Meera", "Patel"),
        phone: "98400 10013",
        doctor: Some(("Paediatrics", "TNMC-61003")),
    },
    Person { role: "PATIENT", username: "patient", names: ("Arjun", "Nair"), phone: "98400 10021", doctor: None },
];

/// First name, last name, birth date, gender, phone, city, state, PIN.
const PATIENTS: [[&str; 8]; 6] = [
    ["Lakshmi", "Venkataraman", "1968-04-14", "FEMALE", "98410 20001", "Chennai", "Tamil Nadu", "600028"],
    ["Mohammed", "Ansari", "1981-11-02", "MALE", "98410 20002", "Hyderabad", "Telangana", "500008"],
    ["Gurpreet", "Kaur", "1994-07-23", "FEMALE", "98410 20003", "Ludhiana", "Punjab", "141001"],
    ["Subhash", "Chatterjee", "1955-01-30", "MALE", "98410 20004", "Kolkata", "West Bengal", "700019"],
    ["Priya", "Deshmukh", "2016-09-05", "FEMALE", "98410 20005", "Pune", "Maharashtra", "411004"],
    ["Nandini", "", "1990-01-01", "FEMALE", "98410 20005", "Mysuru", "Karnataka", "570001"],
];

/// The hospital of this system, made now if it is new. Cut off half-way, it is completed the next time.
pub async fn ensure(
    home: &Home,
    secrets: &mut Secrets,
    binaries: &Binaries,
    users_env: Vec<(String, String)>,
) -> Result<Hospital> {
    let gateway = home.gateway();
    let certificate_authority = (home.wire == Wire::Tls).then(|| Certificates::of(home).authority);
    let file = home.path("demo.json");
    if let Some(mut hospital) = read(home) {
        if hospital.gateway != gateway || hospital.certificate_authority != certificate_authority {
            (hospital.gateway, hospital.certificate_authority) = (gateway, certificate_authority);
            write_private(&file, &serde_json::to_string_pretty(&hospital)?)?;
        }
        return Ok(hospital);
    }
    say!("making the demo hospital");
    let admin = create_admin(home, secrets, binaries, users_env).await?;
    let api = Api::new(&gateway, certificate_authority.as_deref())?;
    let token = api.sign_in(&admin.username, &admin.password).await.context("the demo admin cannot sign in")?;
    let mut users = vec![admin];
    for person in &PEOPLE {
        let password = secrets.person(home, person.username)?;
        register(&api, &token, person, &password).await?;
        users.push(SignIn { role: person.role.to_owned(), username: person.username.to_owned(), password });
    }
    set_hours(&api, &token).await?;
    admit_patients(&api, &token).await?;
    let hospital = Hospital { gateway, certificate_authority, users };
    write_private(&file, &serde_json::to_string_pretty(&hospital)?)?;
    Ok(hospital)
}

/// What `demo.json` says, if it is there.
pub fn read(home: &Home) -> Option<Hospital> {
    serde_json::from_str(&fs::read_to_string(home.path("demo.json")).ok()?).ok()
}

async fn create_admin(
    home: &Home,
    secrets: &mut Secrets,
    binaries: &Binaries,
    env: Vec<(String, String)>,
) -> Result<SignIn> {
    let admin =
        SignIn { role: "ADMIN".to_owned(), username: "admin".to_owned(), password: secrets.person(home, "admin")? };
    let mut command = Command::new(binaries.path("users")?);
    command.args(["create-admin", "--username", &admin.username, "--email", "admin@ehs.example"]);
    command.args(["--first-name", "Vimala", "--last-name", "Menon"]);
    command.env_clear().envs(env).env("EHS_ADMIN_PASSWORD", &admin.password).current_dir(&home.root);
    let created = run(&mut command, "create the demo admin").await;
    // It may be there from a run that was cut off: then it can sign in.
    if let Err(fault) = created {
        let authority = (home.wire == Wire::Tls).then(|| Certificates::of(home).authority);
        Api::new(&home.gateway(), authority.as_deref())?
            .sign_in(&admin.username, &admin.password)
            .await
            .map_err(|_refused| fault)?;
    }
    Ok(admin)
}

async fn register(api: &Api, admin: &str, person: &Person, password: &str) -> Result<()> {
    let (first, last) = person.names;
    let mut body = json!({
        "username": person.username,
        "email": format!("{}@ehs.example", person.username),
        "password": password,
        "first_name": first,
        "last_name": last,
        "phone": person.phone,
        "role": person.role,
    });
    if let (Some((specialization, number)), Some(body)) = (person.doctor, body.as_object_mut()) {
        let doctor =
            json!({"specialization": specialization, "registration_number": number, "department": specialization});
        body.insert("doctor".to_owned(), doctor);
    }
    let call = Call::post("/api/users/register/").by(admin).json(body).key(format!("demo-user-{}", person.username));
    api.expect(&call, &[201, 409]).await.map(drop).with_context(|| format!("cannot register {}", person.username))
}

/// Monday to Saturday, mornings and afternoons, in slots of a quarter of an hour.
async fn set_hours(api: &Api, admin: &str) -> Result<()> {
    let weekly: Vec<Value> = ["MON", "TUE", "WED", "THU", "FRI", "SAT"]
        .into_iter()
        .flat_map(|day| {
            [("09:00:00", "13:00:00"), ("14:00:00", "18:00:00")]
                .map(|(start, end)| json!({"weekday": day, "start": start, "end": end}))
        })
        .collect();
    let doctors = api.expect(&Call::get("/api/users/doctors/?page_size=100").by(admin), &[200]).await?;
    for doctor in doctors.list("results")? {
        let id = doctor.get("id").and_then(Value::as_i64).context("a doctor has no id")?;
        let call = Call::put(format!("/api/appointments/doctor/{id}/availability/"))
            .by(admin)
            .json(json!({"slot_minutes": 15, "weekly": weekly}));
        api.expect(&call, &[200, 201]).await.with_context(|| format!("cannot set the hours of doctor {id}"))?;
    }
    Ok(())
}

async fn admit_patients(api: &Api, admin: &str) -> Result<()> {
    for (at, [first, last, born, gender, phone, city, state, pin]) in PATIENTS.into_iter().enumerate() {
        let body = json!({
            "first_name": first,
            "last_name": last,
            "date_of_birth": born,
            "gender": gender,
            "phone": phone,
            "address": {"line1": format!("{}, Gandhi Road", at + 1), "city": city, "state": state, "pin_code": pin, "country": "IN"},
        });
        let call = Call::post("/api/patients/").by(admin).json(body).key(format!("demo-patient-{at}"));
        api.expect(&call, &[201]).await.with_context(|| format!("cannot register the demo patient {first}"))?;
    }
    Ok(())
}
