//! **The** table: which role may do what, and to whose records.
//!
//! It is data, read by [`reach`], by the [`Permit`](crate::Permit) extractor and by the tests of every service, which walk
//! all of it. A rule that is not here does not exist.

use crate::Role;

/// Whose records a role may act on.
///
/// It says *whose*, not how much of each. A record beyond the reach answers 404, as if it were not there; no reach at all
/// answers 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Any record.
    All,
    /// Those of the patients in their care: primary doctor, or an appointment with them in the last or next 90 days; a
    /// nurse's care is that of the doctors of her department. A doctor's own appointments are within it.
    Care,
    /// What is theirs: a patient's own record, a doctor's own appointments and hours, anyone's own profile.
    Own,
}

impl Reach {
    /// The reach as the README's table writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Care => "care",
            Self::Own => "own",
        }
    }
}

/// An action as a type, so that a handler's signature can name it: `Permit<PatientRead>`.
pub trait Permission: 'static {
    /// The row of the table.
    const ACTION: Action;
}

/// How far `role` may go with `action`; `None`: it may never do that.
#[must_use]
pub const fn reach(role: Role, action: Action) -> Option<Reach> {
    let [admin, doctor, nurse, receptionist, accountant, auditor, patient] = action.row();
    match role {
        Role::Admin => admin,
        Role::Doctor => doctor,
        Role::Nurse => nurse,
        Role::Receptionist => receptionist,
        Role::Accountant => accountant,
        Role::Auditor => auditor,
        Role::Patient => patient,
    }
}

impl Action {
    /// Whether it is about patients' records, so that the audit must learn whose.
    #[must_use]
    pub const fn concerns_patients(self) -> bool {
        !matches!(
            self,
            Self::UserAdmin
                | Self::OwnProfile
                | Self::DoctorList
                | Self::AvailabilityRead
                | Self::AvailabilityWrite
                | Self::CalendarFeed
                | Self::CatalogueRead
                | Self::CatalogueWrite
                | Self::AuditRead
                | Self::BreakGlassRead
                | Self::BreakGlassReview
                | Self::DayClose
        )
    }
}

const ALL: Option<Reach> = Some(Reach::All);
const CARE: Option<Reach> = Some(Reach::Care);
const OWN: Option<Reach> = Some(Reach::Own);
const NONE: Option<Reach> = None;

/// Makes the enum, the unit types and the rows from the table below, so that none can be without the others.
macro_rules! table {
    ($($(#[$doc:meta])+ $action:ident: [$($reach:ident),+];)+) => {
        /// Something a caller can ask for; a row of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])+ $action,)+ }

        impl Action {
            /// Every action, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];

            /// The action's name, as in the table.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$action => stringify!($action),)+ }
            }

            /// One reach per role, in the order of [`Role::ALL`].
            const fn row(self) -> [Option<Reach>; 7] {
                match self { $(Self::$action => [$($reach),+],)+ }
            }
        }

        $($(#[$doc])+
        #[derive(Debug, Clone, Copy)]
        pub struct $action;

        impl Permission for $action {
            const ACTION: Action = Action::$action;
        })+
    };
}

table! {
    //                      ADMIN DOCTOR NURSE RECEPTIONIST ACCOUNTANT AUDITOR PATIENT

    /// List and read users, give them roles, register staff.
    UserAdmin:             [ALL,  NONE,  NONE,  NONE,       NONE,      NONE,   NONE];
    /// Read and change one's own profile.
    OwnProfile:            [OWN,  OWN,   OWN,   OWN,        OWN,       OWN,    OWN];
    /// List doctors: name, specialization, department.
    DoctorList:            [ALL,  ALL,   ALL,   ALL,        ALL,       ALL,    ALL];

    /// Search and open patients. Without [`PatientDetails`] only name, `patient_id`, phone and address are shown.
    PatientRead:           [ALL,  CARE,  CARE,  ALL,        ALL,       NONE,   OWN];
    /// See all the demographics of a patient that [`PatientRead`] shows.
    PatientDetails:        [ALL,  CARE,  CARE,  ALL,        NONE,      NONE,   OWN];
    /// Register a patient. *Care*: the primary doctor must be one whose care the caller is in.
    PatientRegister:       [ALL,  CARE,  CARE,  ALL,        NONE,      NONE,   NONE];
    /// Change a patient. *Own*: contact data only.
    PatientWrite:          [ALL,  CARE,  CARE,  ALL,        NONE,      NONE,   OWN];
    /// Deactivate a patient, or bring one back.
    PatientDeactivate:     [ALL,  NONE,  NONE,  NONE,       NONE,      NONE,   NONE];
    /// See who may be the same person as a patient, among those that [`PatientDetails`] shows.
    PatientDuplicates:     [ALL,  CARE,  CARE,  ALL,        NONE,      NONE,   NONE];
    /// Merge two records of one patient, take a merge back, see the merges.
    PatientMerge:          [ALL,  NONE,  NONE,  ALL,        NONE,      NONE,   NONE];
    /// Read the FHIR `Patient`, which shows all the demographics.
    FhirPatientRead:       [ALL,  CARE,  CARE,  ALL,        NONE,      NONE,   OWN];
    /// Read all that is known of a patient as FHIR: whoever reads the medical history.
    FhirRecordRead:        [ALL,  CARE,  CARE,  NONE,       NONE,      NONE,   OWN];
    /// Read a patient's medical history, present and earlier versions of its entries.
    HistoryRead:           [ALL,  CARE,  CARE,  NONE,       NONE,      NONE,   OWN];
    /// Add to a patient's medical history, amend it.
    HistoryWrite:          [ALL,  CARE,  CARE,  NONE,       NONE,      NONE,   NONE];
    /// Read a patient's documents.
    DocumentRead:          [ALL,  CARE,  CARE,  NONE,       NONE,      NONE,   OWN];
    /// Upload documents of a patient, to be read by those who may.
    DocumentUpload:        [ALL,  CARE,  CARE,  ALL,        NONE,      NONE,   NONE];
    /// Import HL7 v2 messages; see and retry parked ones.
    Hl7Import:             [ALL,  NONE,  NONE,  ALL,        NONE,      NONE,   NONE];

    /// List and open appointments. A doctor's reach is their own and those of the patients in their care.
    AppointmentRead:       [ALL,  CARE,  CARE,  ALL,        ALL,       NONE,   OWN];
    /// Book. *Own*: a doctor with themselves, a patient for themselves.
    AppointmentBook:       [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   OWN];
    /// Book or move over other appointments of the doctor's, with a reason. *Own*: a doctor's own.
    AppointmentOverbook:   [ALL,  OWN,   NONE,  NONE,       NONE,      NONE,   NONE];
    /// Book a series by a rule. *Own*: a doctor with themselves.
    AppointmentSeries:     [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   NONE];
    /// Take in a patient who has no appointment. *Own*: a doctor with themselves.
    AppointmentWalkIn:     [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   NONE];
    /// Change an appointment in any way at all; which way, the three rows below say.
    AppointmentChange:     [ALL,  OWN,   CARE,  ALL,        NONE,      NONE,   OWN];
    /// Change anything of an appointment besides its status: time, doctor, kind, reason, notes.
    AppointmentReschedule: [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   NONE];
    /// Move an appointment to another status.
    AppointmentStatus:     [ALL,  OWN,   CARE,  ALL,        NONE,      NONE,   NONE];
    /// Move an appointment to `CANCELLED`.
    AppointmentCancel:     [ALL,  OWN,   CARE,  ALL,        NONE,      NONE,   OWN];
    /// See who waits for a doctor's time. *Own*: a doctor those who wait for them or are offered their time, a patient themselves.
    WaitlistRead:          [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   OWN];
    /// Put patients on the waitlist, take them off it, answer for them what is offered. *Own*: as [`WaitlistRead`].
    WaitlistWrite:         [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   OWN];
    /// See what came of other systems' messages about appointments.
    ExternalAppointmentRead: [ALL, NONE, NONE,  ALL,        NONE,      NONE,   NONE];
    /// See a doctor's free and booked slots. Which patient a booked slot holds is shown within the reach only, so that
    /// everyone with a reach sees any doctor's free slots.
    ScheduleRead:          [ALL,  CARE,  CARE,  ALL,        ALL,       NONE,   OWN];
    /// Read a doctor's weekly hours and leave.
    AvailabilityRead:      [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   NONE];
    /// Set a doctor's weekly hours, take leave, import another calendar's busy times.
    AvailabilityWrite:     [ALL,  OWN,   NONE,  ALL,        NONE,      NONE,   NONE];
    /// Make, see, replace and revoke the secret address of a doctor's calendar.
    CalendarFeed:          [ALL,  OWN,   NONE,  NONE,       NONE,      NONE,   NONE];

    /// List and open invoices.
    InvoiceRead:           [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   OWN];
    /// Draft invoices and edit drafts.
    InvoiceDraft:          [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   NONE];
    /// Issue invoices: the number is taken, nothing changes any more.
    InvoiceIssue:          [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// Cancel invoices: a credit note takes back what they charged.
    InvoiceCancel:         [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// Say who else pays an invoice, and where the claim stands.
    InsuranceWrite:        [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   NONE];
    /// Give a line another GST rate than the rules say, with a reason.
    GstRateOverride:       [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// See what the hospital offers at which price.
    CatalogueRead:         [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   NONE];
    /// Put services into the catalogue, change them.
    CatalogueWrite:        [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// See the payments of invoices.
    PaymentRead:           [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   OWN];
    /// Record a payment that the hospital received. *Own*: pay one's own invoice by the payment provider (`ONLINE`).
    PaymentTake:           [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   OWN];
    /// Pay back a payment or a part of it, up to the role's limit.
    PaymentRefund:         [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// See the advances held for patients, and what became of them.
    AdvanceRead:           [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   OWN];
    /// Take an advance: a receipt voucher is issued.
    AdvanceTake:           [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   NONE];
    /// Pay a patient's invoice with an advance of theirs.
    AdvanceUse:            [ALL,  NONE,  NONE,  ALL,        ALL,       NONE,   NONE];
    /// Give an advance or a part of it back by a refund voucher, up to the role's limit.
    AdvanceRefund:         [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// Close cashiers' days, see the closes.
    DayClose:              [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];
    /// Read reports on revenue and on what is outstanding. *Own*: of the visits to the doctor themselves.
    ReportRead:            [ALL,  OWN,   NONE,  NONE,       ALL,       NONE,   NONE];
    /// Read the books: the day book, what the GST return asks for.
    BooksRead:             [ALL,  NONE,  NONE,  NONE,       ALL,       NONE,   NONE];

    /// Read and verify the audit log.
    AuditRead:             [ALL,  NONE,  NONE,  NONE,       NONE,      ALL,    NONE];
    /// See who opened a patient's record, when, in what role, why.
    PatientAccessLog:      [ALL,  NONE,  NONE,  NONE,       NONE,      ALL,    OWN];
    /// See who went beyond their care by break-glass, and why.
    BreakGlassRead:        [ALL,  NONE,  NONE,  NONE,       NONE,      ALL,    NONE];
    /// Say whether a use of break-glass was justified. An administrator reads only: whoever gives roles judges nobody.
    BreakGlassReview:      [NONE, NONE,  NONE,  NONE,       NONE,      ALL,    NONE];
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Every pair of the table, once.
    fn pairs() -> impl Iterator<Item = (Role, Action, Option<Reach>)> {
        Action::ALL.iter().flat_map(|&action| Role::ALL.map(|role| (role, action, reach(role, action))))
    }

    #[test]
    fn the_readme_shows_the_table() {
        let readme = include_str!("../README.md");
        for &action in Action::ALL {
            let cells = Role::ALL.map(|role| reach(role, action).map_or("–", Reach::as_str)).join(" | ");
            let line = format!("| {} | {cells} |", action.as_str());
            assert!(readme.lines().any(|l| l == line), "README.md lacks\n{line}");
        }
        let rows = readme.lines().filter(|l| l.matches(" | ").count() == 7).count();
        assert_eq!(rows, Action::ALL.len() + 2, "README.md has a row that the table lacks (two are its head)");
    }

    #[test]
    fn an_admin_reaches_everything() {
        for (role, action, reach) in pairs() {
            if role == Role::Admin && !matches!(action, Action::OwnProfile | Action::BreakGlassReview) {
                assert_eq!(reach, Some(Reach::All), "{action:?}");
            }
        }
    }

    #[test]
    fn an_auditor_sees_no_patient() {
        use Action as A;
        for (role, action, reach) in pairs() {
            let no_patients = [
                A::OwnProfile,
                A::DoctorList,
                A::AuditRead,
                A::PatientAccessLog,
                A::BreakGlassRead,
                A::BreakGlassReview,
            ];
            if role == Role::Auditor && !no_patients.contains(&action) {
                assert_eq!(reach, None, "{action:?}");
            }
        }
    }

    #[test]
    fn a_patient_reaches_only_what_is_theirs() {
        for (role, action, reach) in pairs() {
            if role == Role::Patient && action != Action::DoctorList {
                assert!(matches!(reach, None | Some(Reach::Own)), "{action:?}");
            }
        }
    }

    #[test]
    fn only_doctors_and_nurses_have_care() {
        for (role, action, reach) in pairs() {
            assert!(reach != Some(Reach::Care) || matches!(role, Role::Doctor | Role::Nurse), "{role} {action:?}");
        }
    }

    #[test]
    fn who_writes_reads() {
        use Action as A;
        let implied = [
            (A::PatientDetails, A::PatientRead),
            (A::PatientWrite, A::PatientDetails),
            (A::PatientRegister, A::PatientDetails),
            (A::PatientDeactivate, A::PatientWrite),
            (A::PatientDuplicates, A::PatientDetails),
            (A::PatientMerge, A::PatientDuplicates),
            (A::FhirPatientRead, A::PatientDetails),
            (A::FhirRecordRead, A::FhirPatientRead),
            (A::FhirRecordRead, A::HistoryRead),
            (A::HistoryRead, A::PatientDetails),
            (A::HistoryWrite, A::HistoryRead),
            (A::DocumentRead, A::HistoryRead),
            (A::AppointmentBook, A::AppointmentRead),
            (A::AppointmentOverbook, A::AppointmentBook),
            (A::AppointmentSeries, A::AppointmentBook),
            (A::AppointmentWalkIn, A::AppointmentBook),
            (A::AppointmentChange, A::AppointmentRead),
            (A::WaitlistWrite, A::WaitlistRead),
            (A::WaitlistRead, A::AppointmentRead),
            (A::WaitlistWrite, A::AppointmentBook),
            (A::AppointmentRead, A::ScheduleRead),
            (A::AvailabilityWrite, A::AvailabilityRead),
            (A::CalendarFeed, A::AvailabilityRead),
            (A::InvoiceDraft, A::InvoiceRead),
            (A::InvoiceIssue, A::InvoiceDraft),
            (A::InvoiceCancel, A::InvoiceIssue),
            (A::InsuranceWrite, A::InvoiceRead),
            (A::GstRateOverride, A::InvoiceDraft),
            (A::CatalogueWrite, A::CatalogueRead),
            (A::InvoiceDraft, A::CatalogueRead),
            (A::PaymentTake, A::PaymentRead),
            (A::PaymentRead, A::InvoiceRead),
            (A::PaymentRefund, A::PaymentTake),
            (A::AdvanceTake, A::AdvanceRead),
            (A::AdvanceUse, A::AdvanceRead),
            (A::AdvanceUse, A::PaymentTake),
            (A::AdvanceRefund, A::AdvanceTake),
            (A::BooksRead, A::ReportRead),
            (A::BreakGlassReview, A::BreakGlassRead),
        ];
        for (write, read) in implied {
            for role in Role::ALL {
                assert!(width(reach(role, write)) <= width(reach(role, read)), "{role}: {write:?} without {read:?}");
            }
        }
    }

    #[test]
    fn changing_an_appointment_is_one_of_its_three_ways() {
        for role in Role::ALL {
            let ways = [Action::AppointmentReschedule, Action::AppointmentStatus, Action::AppointmentCancel];
            let widest = ways.into_iter().map(|way| width(reach(role, way))).max().unwrap();
            assert_eq!(width(reach(role, Action::AppointmentChange)), widest, "{role}");
        }
    }

    /// Own lies within care (of a doctor), care within all.
    fn width(reach: Option<Reach>) -> u8 {
        match reach {
            None => 0,
            Some(Reach::Own) => 1,
            Some(Reach::Care) => 2,
            Some(Reach::All) => 3,
        }
    }
}
