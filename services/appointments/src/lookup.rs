//! The one synchronous exception: a doctor or patient that no event has told of yet is asked of its owner, with the
//! caller's own token, and the answer is kept. Nobody gets a false 400 because an event is a second late.

use auth::{Actor, Owner, Role};
use chassis::db::{self, Pool};
use chassis::phi::Phi;
use reqwest::Url;
use serde::Deserialize;

use crate::error::Error;
use crate::people::{Patient, StaffMember, full_name};

/// Who owns what this service keeps copies of.
#[derive(Clone, Debug)]
pub struct Owners {
    users: Owner,
    patients: Owner,
}

#[derive(Deserialize)]
struct DoctorAnswer {
    id: i64,
    first_name: String,
    last_name: String,
    specialization: Option<String>,
    department: Option<String>,
    is_active: bool,
}

#[derive(Deserialize)]
struct PatientAnswer {
    id: i64,
    patient_id: String,
    first_name: Phi<String>,
    last_name: Phi<String>,
    user: Option<i64>,
    primary_doctor: Option<i64>,
    is_active: bool,
}

impl Owners {
    /// Owners at these base URLs.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(users: Url, patients: Url) -> reqwest::Result<Self> {
        Ok(Self {
            users: Owner::new("the users service", users)?,
            patients: Owner::new("the patients service", patients)?,
        })
    }

    /// The doctor: as kept, else as the users service says. `None` when there is none.
    ///
    /// # Errors
    /// 503 when the users service is needed and does not answer.
    pub async fn doctor(&self, db: &Pool, actor: &Actor, id: i64) -> Result<Option<StaffMember>, Error> {
        if id < 1 {
            return Ok(None);
        }
        let kept = StaffMember::find(&mut *db::get(db).await?, id).await?;
        if let Some(kept) = kept {
            return Ok(Some(kept).filter(StaffMember::is_doctor));
        }
        let asked = self.users.ask(actor, &format!("/api/users/doctors/{id}/")).await?;
        let Some((version, answer)): Option<(i64, DoctorAnswer)> = asked else { return Ok(None) };
        let doctor = answer.row(version);
        doctor.keep(&mut *db::get(db).await?).await?;
        Ok(Some(doctor))
    }

    /// The patient: as kept, else as the patients service tells this caller. `None` when there is none for them.
    ///
    /// # Errors
    /// 503 when the patients service is needed and does not answer.
    pub async fn patient(&self, db: &Pool, actor: &Actor, id: i64) -> Result<Option<Patient>, Error> {
        if id < 1 {
            return Ok(None);
        }
        let kept = Patient::find(&mut *db::get(db).await?, id).await?;
        if kept.is_some() { Ok(kept) } else { self.patient_as_shown(db, actor, id).await }
    }

    /// The patient as the patients service shows them to this caller now, whatever is kept: it knows of all care, also of
    /// break-glass. `None` when there is none for them.
    ///
    /// # Errors
    /// 503 when the patients service does not answer.
    pub async fn patient_as_shown(&self, db: &Pool, actor: &Actor, id: i64) -> Result<Option<Patient>, Error> {
        let asked = self.patients.ask(actor, &format!("/api/patients/{id}/")).await?;
        keep_patient(db, asked).await
    }

    /// The same, for a reason to go beyond the caller's care, which the patients service grants and tells the reviewers of.
    ///
    /// # Errors
    /// 503 when the patients service does not answer.
    pub async fn patient_beyond_care(
        &self,
        db: &Pool,
        actor: &Actor,
        id: i64,
        reason: &str,
    ) -> Result<Option<Patient>, Error> {
        let asked = self.patients.ask_beyond_care(actor, &format!("/api/patients/{id}/"), reason).await?;
        keep_patient(db, asked).await
    }
}

async fn keep_patient(db: &Pool, asked: Option<(i64, PatientAnswer)>) -> Result<Option<Patient>, Error> {
    let Some((version, answer)) = asked else { return Ok(None) };
    let patient = answer.row(version);
    patient.keep(&mut *db::get(db).await?).await?;
    Ok(Some(patient))
}

impl DoctorAnswer {
    fn row(self, version: i64) -> StaffMember {
        StaffMember {
            id: self.id,
            role: Role::Doctor.as_str().to_owned(),
            name: full_name(&self.first_name, &self.last_name),
            specialization: self.specialization.unwrap_or_default(),
            department: self.department.unwrap_or_default(),
            is_active: self.is_active,
            version,
            // Not in this answer: the account's next event brings it.
            registration_number: String::new(),
        }
    }
}

impl PatientAnswer {
    fn row(self, version: i64) -> Patient {
        Patient {
            id: self.id,
            patient_id: self.patient_id,
            name: full_name(self.first_name.expose(), self.last_name.expose()).into(),
            user_id: self.user,
            primary_doctor_id: self.primary_doctor,
            is_active: self.is_active,
            version,
        }
    }
}
