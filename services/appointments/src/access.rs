//! Whose appointments a caller may know of, and whose they may change. Roles are in the permission table of `auth`;
//! here is what *care* and *own* mean for appointments. What break-glass opened is care, for its hour.

use auth::{Action, Actor, Reach, Role, reach};
use diesel::alias;
use diesel::dsl::exists;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::appointment::{Entry, Visible};
use crate::merged;
use crate::people::StaffMember;
use crate::schema::{appointments, patients};

/// A caller's reach, worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every appointment.
    All,
    /// Those with this doctor.
    OfDoctor(i64),
    /// Those of the patients in this doctor's care, the doctor's own among them.
    CareOf(i64),
    /// Those of the patients in the care of the doctors of a nurse's department, where she has one, the doctors' own among them.
    CareOfNurse {
        /// Account of the nurse.
        nurse: i64,
        /// Her department.
        department: Option<String>,
    },
    /// Those of the patient whom break-glass opened to this request.
    Opened(i64),
    /// Those of the patient with this account.
    OfPatient(i64),
    /// None: somebody who is no doctor or nurse any more, whatever their token says.
    Nothing,
}

impl Scope {
    /// How far the caller's reach for an action goes. A nurse's department is looked up, whence the connection.
    pub async fn of(conn: &mut AsyncPgConnection, actor: &Actor, reach: Reach) -> QueryResult<Self> {
        Ok(match (reach, actor.role) {
            (Reach::All, _) => Self::All,
            (Reach::Own, Role::Patient) => Self::OfPatient(actor.user_id),
            (reach, Role::Doctor | Role::Nurse) => Self::of_staff(conn, actor, reach).await?,
            _ => Self::Nothing,
        })
    }

    async fn of_staff(conn: &mut AsyncPgConnection, actor: &Actor, reach: Reach) -> QueryResult<Self> {
        let known = StaffMember::find(conn, actor.user_id).await?;
        if known.as_ref().is_some_and(|member| !member.is_active || member.role != actor.role.as_str()) {
            return Ok(Self::Nothing);
        }
        Ok(match (reach, actor.role) {
            (Reach::Care, Role::Nurse) => {
                let department = known.map(|nurse| nurse.department).filter(|department| !department.is_empty());
                Self::CareOfNurse { nurse: actor.user_id, department }
            }
            (Reach::Care, Role::Doctor) => Self::CareOf(actor.user_id),
            (Reach::Own, Role::Doctor) => Self::OfDoctor(actor.user_id),
            _ => Self::Nothing,
        })
    }

    /// Whether it ends at somebody's care, so that break-glass widens it.
    pub fn ends_at_care(&self) -> bool {
        matches!(self, Self::CareOf(_) | Self::CareOfNurse { .. })
    }

    /// The scope of an action beside the one in the handler's signature.
    pub async fn for_action(conn: &mut AsyncPgConnection, actor: &Actor, action: Action) -> QueryResult<Self> {
        match reach(actor.role, action) {
            Some(reach) => Self::of(conn, actor, reach).await,
            None => Ok(Self::Nothing),
        }
    }

    /// Keeps what is within, of many.
    pub fn narrow(&self, all: Visible<'static>) -> Visible<'static> {
        self.narrow_by(all, Part::AmongMany)
    }

    /// Keeps what is within, of a few: no more is read than what is about these.
    pub fn narrow_few(&self, few: Visible<'static>) -> Visible<'static> {
        self.narrow_by(few, Part::AmongFew)
    }

    /// Whose care it ends at, if at anybody's.
    pub fn care(&self) -> Option<Care> {
        match self {
            Self::CareOf(doctor) => Some(Care { asking: *doctor, doctors: Doctors::One(*doctor) }),
            Self::CareOfNurse { nurse, department } => {
                Some(Care { asking: *nurse, doctors: Doctors::OfDepartment(department.clone()) })
            }
            _ => None,
        }
    }

    fn narrow_by(&self, all: Visible<'static>, part: Part) -> Visible<'static> {
        if let Some(care) = self.care() {
            return all.filter(InCare { care, part });
        }
        match self {
            Self::All => all,
            Self::OfDoctor(doctor) => all.filter(appointments::doctor_id.eq(*doctor)),
            Self::Opened(patient) => {
                all.filter(diesel::dsl::sql::<Bool>(merged::IS_OF).bind::<BigInt, _>(*patient).sql("))"))
            }
            Self::OfPatient(account) => all.filter(patients::user_id.eq(*account)),
            Self::CareOf(_) | Self::CareOfNurse { .. } | Self::Nothing => all.filter(false.into_sql::<Bool>()),
        }
    }

    /// Whether one at hand is within.
    pub async fn covers(&self, conn: &mut AsyncPgConnection, entry: &Entry) -> QueryResult<bool> {
        match self {
            Self::All => Ok(true),
            within => Ok(Entry::find(conn, within, entry.appointment.id).await?.is_some()),
        }
    }

    /// Whether the doctor is one whose hours or bookings are within.
    pub fn covers_doctor(&self, doctor: i64) -> bool {
        match self {
            Self::All => true,
            Self::OfDoctor(own) | Self::CareOf(own) => *own == doctor,
            Self::CareOfNurse { .. } | Self::Opened(_) | Self::OfPatient(_) | Self::Nothing => false,
        }
    }
}

/// Whether a patient is in a doctor's care, as far as it is known here: primary doctor, or an appointment within 90 days, under
/// whichever of the patient's ids.
pub async fn is_in_care(conn: &mut AsyncPgConnection, doctor: i64, patient: i64) -> QueryResult<bool> {
    let same = merged::one_patient(conn, patient).await?;
    let theirs = patients::table.filter(patients::id.eq_any(&same)).filter(patients::primary_doctor_id.eq(doctor));
    let seen = alias!(appointments as seen);
    let seen = seen
        .filter(seen.field(appointments::patient_id).eq_any(&same))
        .filter(seen.field(appointments::doctor_id).eq(doctor))
        .filter(diesel::dsl::sql::<Bool>(LATELY));
    diesel::select(exists(theirs).or(exists(seen))).get_result(conn).await
}

/// Seen within 90 days, or to be seen.
const LATELY: &str = "seen.status NOT IN ('CANCELLED', 'NO_SHOW') \
    AND seen.starts_at BETWEEN now() - interval '90 days' AND now() + interval '90 days'";

/// That an appointment's patient is one of several who were merged, which few are: only of those the other ids are looked for.
const IS_MERGED: &str = "EXISTS (SELECT FROM merged_patients AS merge \
    WHERE merge.source = appointments.patient_id OR merge.target = appointments.patient_id)";

/// Every other id of those in `cared`: of who was merged into another that one and the others that were, and of who stayed all that
/// were merged into them. Of what comes out of an array PostgreSQL expects little, as there is; of a join it would expect much, and
/// read all appointments.
const UNDER_OTHER_IDS: &str = " UNION SELECT unnest(ARRAY( \
    SELECT merge.source FROM merged_patients AS merge WHERE merge.target = ANY (ARRAY(SELECT cared.id FROM cared)) \
    UNION ALL SELECT merge.target FROM merged_patients AS merge WHERE merge.source = ANY (ARRAY(SELECT cared.id FROM cared)) \
    UNION ALL SELECT sibling.source FROM merged_patients AS merge JOIN merged_patients AS sibling ON sibling.target = merge.target \
    WHERE merge.source = ANY (ARRAY(SELECT cared.id FROM cared))))";

/// Patients whom break-glass opened, for its hour, to whom follows.
const OPENED: &str = "SELECT unnest(one_patient(granted.patient)) FROM break_glass_grants granted \
    WHERE granted.expires_at > now() AND granted.actor = ";

/// The care of some doctors: the doctors' own appointments, and every one of the patients whose primary doctor they are, whom they see
/// within 90 days, or whom break-glass opened to who asks, under all ids of these patients.
#[derive(Clone, Debug)]
pub struct Care {
    asking: i64,
    doctors: Doctors,
}

/// That appointments are within somebody's care.
#[derive(Clone, Debug)]
struct InCare {
    care: Care,
    part: Part,
}

/// Whose care it is.
#[derive(Clone, Debug)]
enum Doctors {
    One(i64),
    /// Those of a department, if it is one.
    OfDepartment(Option<String>),
}

/// What is looked for, and from where: PostgreSQL cannot know how much is in somebody's care.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// All of it among a few rows, of each of which it is asked.
    AmongFew,
    /// All of it among many rows, for which all patients in care are found first.
    AmongMany,
    /// What is the patients' who are in care. Begins at these, if they are few.
    OfPatients,
    /// The rest, which is the doctors' own alone.
    OwnBeside,
}

impl Care {
    /// Keeps what is within, in two halves that have no row in common. Each begins at what is theirs, so that no more is read than
    /// there is of it. `all` makes all that there is.
    pub fn halves(&self, all: impl Fn() -> Visible<'static>) -> [Visible<'static>; 2] {
        [Part::OfPatients, Part::OwnBeside].map(|part| all().filter(InCare { care: self.clone(), part }))
    }

    /// A column, and that it is one of the doctors.
    fn one_of_them<'b>(&'b self, column: &str, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(column);
        match &self.doctors {
            Doctors::One(doctor) => {
                out.push_sql(" = ");
                out.push_bind_param::<BigInt, _>(doctor)
            }
            Doctors::OfDepartment(department) => {
                out.push_sql(
                    " = ANY (ARRAY(SELECT doctor.id FROM staff doctor WHERE doctor.role = 'DOCTOR' AND doctor.department = ",
                );
                out.push_bind_param::<Nullable<Text>, _>(department)?;
                out.push_sql("))");
                Ok(())
            }
        }
    }

    fn opened<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(OPENED);
        out.push_bind_param::<BigInt, _>(&self.asking)
    }

    /// That one of them sees the patient of an appointment, under such an id.
    fn sees<'b>(&'b self, ids: &str, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("EXISTS (SELECT FROM appointments seen WHERE seen.patient_id = ");
        out.push_sql(ids);
        out.push_sql(" AND ");
        out.push_sql(LATELY);
        out.push_sql(" AND ");
        self.one_of_them("seen.doctor_id", out)?;
        out.push_sql(")");
        Ok(())
    }

    fn patients<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH cared (id) AS (SELECT seen.patient_id FROM appointments seen WHERE ");
        self.one_of_them("seen.doctor_id", out)?;
        out.push_sql(" AND ");
        out.push_sql(LATELY);
        out.push_sql(" UNION SELECT theirs.id FROM patients theirs WHERE ");
        self.one_of_them("theirs.primary_doctor_id", out)?;
        out.push_sql(" UNION ");
        self.opened(out)?;
        out.push_sql(") SELECT cared.id FROM cared");
        out.push_sql(UNDER_OTHER_IDS);
        Ok(())
    }
}

impl QueryFragment<Pg> for InCare {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Planned for those who ask unless the statement says otherwise: much or little is in their care.
        out.unsafe_to_cache_prepared();
        out.push_sql("(");
        match self.part {
            Part::AmongFew => {
                self.care.one_of_them("appointments.doctor_id", &mut out)?;
                out.push_sql(" OR ");
                self.care.one_of_them("patients.primary_doctor_id", &mut out)?;
                out.push_sql(" OR ");
                self.care.sees("appointments.patient_id", &mut out)?;
                out.push_sql(" OR (");
                out.push_sql(IS_MERGED);
                out.push_sql(" AND ");
                self.care.sees("ANY (one_patient(appointments.patient_id))", &mut out)?;
                out.push_sql(") OR appointments.patient_id IN (");
                self.care.opened(&mut out)?;
            }
            Part::AmongMany => {
                self.care.one_of_them("appointments.doctor_id", &mut out)?;
                out.push_sql(" OR appointments.patient_id IN (");
                self.care.patients(&mut out)?;
            }
            Part::OfPatients => {
                out.push_sql("appointments.patient_id IN (");
                self.care.patients(&mut out)?;
            }
            Part::OwnBeside => {
                self.care.one_of_them("appointments.doctor_id", &mut out)?;
                out.push_sql(" AND appointments.patient_id NOT IN (");
                self.care.patients(&mut out)?;
            }
        }
        out.push_sql("))");
        Ok(())
    }
}

impl Expression for InCare {
    type SqlType = Bool;
}

impl QueryId for InCare {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl ValidGrouping<()> for InCare {
    type IsAggregate = is_aggregate::Never;
}

impl<Tables> AppearsOnTable<Tables> for InCare {}
impl<Tables> SelectableExpression<Tables> for InCare {}
