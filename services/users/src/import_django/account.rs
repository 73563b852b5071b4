//! From a row of Django's `auth_user` to an account, or everything that is wrong with it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use auth::Role;
use chassis::phi::Phi;
use chassis::strict_json::Fault;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::registration::{contact, rules};
use crate::sign_in::django;
use crate::sign_in::passwords::UNUSABLE;
use crate::user::NewUser;

/// An object of a dump.
#[derive(Deserialize)]
pub struct Record {
    /// `auth.user`, `auth.group` and others.
    pub model: String,
    /// A number, or text.
    #[serde(default)]
    pub pk: Value,
    /// By model.
    pub fields: Value,
}

/// The columns of a user that mean something here; the rest of them is left behind.
#[derive(Deserialize)]
struct Fields {
    username: String,
    #[serde(default)]
    password: Phi<String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default = "yes")]
    is_active: bool,
    #[serde(default)]
    is_superuser: bool,
    #[serde(default)]
    is_staff: bool,
    date_joined: Option<DateTime<Utc>>,
    #[serde(default)]
    groups: Vec<Value>,
    // of user models that have them
    phone: Option<String>,
    department: Option<String>,
    specialization: Option<String>,
    registration_number: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Who becomes what.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// By a group's name, or by its id as the dump has it.
    pub of_groups: BTreeMap<String, Role>,
    /// Whether a superuser becomes an `ADMIN`.
    pub superusers_are_admins: bool,
}

/// A user that may be written.
pub struct Account {
    /// Id in the old system.
    pub pk: String,
    /// The row.
    pub user: NewUser,
    /// Whether it may sign in.
    pub is_active: bool,
    /// When it was registered there.
    pub joined: Option<DateTime<Utc>>,
}

impl Account {
    /// Reads it.
    ///
    /// # Errors
    /// Everything that is wrong with it, without its password.
    pub fn read(record: Record, roles: &Roles, group_names: &HashMap<String, String>) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let pk = pk(&record.pk).ok_or_else(|| vec!["pk is missing".to_owned()])?;
        // serde's own message may quote what it read
        let fields: Fields = serde_json::from_value(record.fields)
            .map_err(|_quoting| vec!["is no user as Django dumps one".to_owned()])?;
        let role = kept(&mut faults, "role", role(&fields, roles, group_names));
        let is = |which| role == Some(which);
        let named = if fields.first_name.trim().is_empty() { &fields.username } else { &fields.first_name };
        let first_name = told(&mut faults, "first_name", rules::name(named.clone()));
        let username = told(&mut faults, "username", rules::username(fields.username.clone()));
        let email = told(&mut faults, "email", contact::email(fields.email));
        let last_name = told(&mut faults, "last_name", rules::last_name(fields.last_name));
        let phone = told(&mut faults, "phone", contact::phone(fields.phone));
        let password_hash = kept(&mut faults, "password", password(fields.password));
        let works_somewhere = is(Role::Doctor) || is(Role::Nurse);
        let department = fields.department.filter(|_| works_somewhere);
        let department = told(&mut faults, "department", rules::department(department));
        let specialization = fields.specialization.filter(|_| is(Role::Doctor)).map(rules::name).transpose();
        let specialization = told(&mut faults, "specialization", specialization);
        let number =
            fields.registration_number.filter(|_| is(Role::Doctor)).map(rules::registration_number).transpose();
        let registration_number = told(&mut faults, "registration_number", number);
        if is(Role::Doctor) {
            let given = [
                ("department", &department),
                ("specialization", &specialization),
                ("registration_number", &registration_number),
            ];
            faults.extend(
                given
                    .iter()
                    .filter(|(_, given)| matches!(given, Some(None)))
                    .map(|(name, _)| format!("{name} is required for a DOCTOR")),
            );
        }
        let user = || {
            Some(NewUser {
                username: username?,
                email: email?,
                password_hash: password_hash?,
                role: role?.as_str(),
                first_name: Phi::new(first_name?),
                last_name: Phi::new(last_name?),
                phone: phone?,
                department: department?,
                specialization: specialization?,
                registration_number: registration_number?,
            })
        };
        match user() {
            Some(user) if faults.is_empty() => {
                Ok(Self { pk, user, is_active: fields.is_active, joined: fields.date_joined })
            }
            _ => Err(faults),
        }
    }
}

/// Ids of models with other keys are texts.
fn pk(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    (1..=64).contains(&text.len()).then_some(text)
}

fn told<T>(faults: &mut Vec<String>, field: &str, read: Result<T, Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(format!("{field} {}", fault.message))).ok()
}

fn kept<T>(faults: &mut Vec<String>, field: &str, read: Result<T, String>) -> Option<T> {
    read.map_err(|fault| faults.push(format!("{field} {fault}"))).ok()
}

/// One role, of all groups that have one. Who is nobody in particular is a patient; who was somebody is never one by mistake.
fn role(fields: &Fields, roles: &Roles, names: &HashMap<String, String>) -> Result<Role, String> {
    if fields.is_superuser {
        return match roles.superusers_are_admins {
            true => Ok(Role::Admin),
            false => Err("is not known: a superuser, and --superusers-are-admins was not said".to_owned()),
        };
    }
    let groups: Vec<String> = fields.groups.iter().filter_map(|group| group_name(group, names)).collect();
    let found: BTreeSet<&str> =
        groups.iter().filter_map(|group| roles.of_groups.get(group)).map(|role| role.as_str()).collect();
    match (found.len(), found.first()) {
        (1, Some(role)) => role.parse().map_err(|fault: auth::roles::UnknownRole| fault.to_string()),
        (0, _) if fields.groups.is_empty() && !fields.is_staff => Ok(Role::Patient),
        (0, _) if fields.groups.is_empty() => Err("is not known: staff of no group".to_owned()),
        (0, _) => Err(format!("is not known: no --role for {}", groups.join(", "))),
        _ => Err(format!("is not known: its groups say {}", Vec::from_iter(found).join(" and "))),
    }
}

/// `7`, `"7"`, or `["Doctors"]` with `--natural-foreign`.
fn group_name(group: &Value, names: &HashMap<String, String>) -> Option<String> {
    let group = match group {
        Value::Array(natural) => return natural.first()?.as_str().map(str::to_owned),
        other => pk(other)?,
    };
    Some(names.get(&group).cloned().unwrap_or(group))
}

/// A name's id, of an `auth.group`.
pub fn group(record: &Record) -> Option<(String, String)> {
    Some((pk(&record.pk)?, record.fields.get("name")?.as_str()?.to_owned()))
}

/// Django's default hasher; `!…` and nothing at all are passwords that nobody has.
fn password(hash: Phi<String>) -> Result<Phi<String>, String> {
    let text = hash.expose();
    if text.is_empty() || text.starts_with('!') {
        return Ok(Phi::new(UNUSABLE.to_owned()));
    }
    if !django::is_one(text) {
        return Err("is hashed in a way that cannot be checked here; only pbkdf2_sha256 can".to_owned());
    }
    django::check(text).map_err(|fault| format!("is {fault}"))?;
    if text.len() > 256 {
        return Err("is a hash that is too long".to_owned());
    }
    Ok(hash)
}
