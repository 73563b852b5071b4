//! What every caller may do with every operation: the contract's table of roles, operation by operation.
//!
//! It is written from the contract, not from the table in `crates/auth`: two statements of one thing that have to agree.

/// The columns.
pub const CALLERS: [&str; 8] =
    ["nobody", "ADMIN", "DOCTOR", "NURSE", "RECEPTIONIST", "ACCOUNTANT", "AUDITOR", "PATIENT"];

/// One line for each operation, or several where what is sent decides, told apart by the words after the path.
///
/// A decision is for one's own object (or that of a patient in one's care), and after a stroke for another's:
/// `ok`: done (2xx, or 302 to a link) · `none`: a list without it · `heard`: open to the caller, but refused for what was sent (400, 409) ·
/// 400: names something in the body that the caller may not know of · 401: not signed in · 403: the role may not ·
/// 404: the caller may not know of it.
pub const TABLE: &str = "
                                                        nobody  ADMIN  DOCTOR   NURSE    RECEPT.  ACCOUNT. AUDITOR  PATIENT

GET    /.well-known/jwks.json                         | ok      ok     ok       ok       ok       ok       ok       ok
POST   /api/users/register/ a patient                 | ok      ok     ok       ok       ok       ok       ok       ok
POST   /api/users/register/ staff                     | 401     ok     403      403      403      403      403      403
POST   /api/users/login/                              | heard   heard  heard    heard    heard    heard    heard    heard
POST   /api/users/refresh-token/                      | heard   heard  heard    heard    heard    heard    heard    heard
POST   /api/users/password/reset/                     | heard   heard  heard    heard    heard    heard    heard    heard
POST   /api/users/password/reset/confirm/             | heard   heard  heard    heard    heard    heard    heard    heard
GET    /api/users/me/                                 | 401     ok     ok       ok       ok       ok       ok       ok
PATCH  /api/users/me/                                 | 401     ok     ok       ok       ok       ok       ok       ok
GET    /api/users/me/sessions/                        | 401     ok     ok       ok       ok       ok       ok       ok
DELETE /api/users/me/sessions/{id}/                   | 401     ok/404 ok/404   ok/404   ok/404   ok/404   ok/404   ok/404
POST   /api/users/mfa/enable/                         | 401     ok     ok       ok       ok       ok       ok       ok
POST   /api/users/mfa/verify/                         | 401     heard  heard    heard    heard    heard    heard    heard
POST   /api/users/mfa/disable/                        | 401     heard  heard    heard    heard    heard    heard    heard
POST   /api/users/password/change/                    | 401     ok     ok       ok       ok       ok       ok       ok
GET    /api/users/doctors/                            | 401     ok     ok       ok       ok       ok       ok       ok
GET    /api/users/doctors/{id}/                       | 401     ok     ok       ok       ok       ok       ok       ok
GET    /api/users/                                    | 401     ok     403      403      403      403      403      403
GET    /api/users/{id}/                               | 401     ok     403      403      403      403      403      403
PATCH  /api/users/{id}/                               | 401     ok     403      403      403      403      403      403
GET    /api/users/break-glass/                        | 401     ok     403      403      403      403      ok       403
GET    /api/users/break-glass/{id}/                   | 401     ok     403      403      403      403      ok       403
PATCH  /api/users/break-glass/{id}/                   | 401     403    403      403      403      403      ok       403
GET    /api/users/audit/                              | 401     ok     403      403      403      403      ok       403
GET    /api/users/audit/verify/                       | 401     ok     403      403      403      403      ok       403

GET    /api/patients/                                 | 401     ok     ok/none  ok/none  ok       ok       403      ok/none
POST   /api/patients/                                 | 401     ok     ok/403   ok/403   ok       403      403      403
GET    /api/patients/{id}/                            | 401     ok     ok/404   ok/404   ok       ok       403      ok/404
PUT    /api/patients/{id}/ contact                    | 401     ok     ok/404   ok/404   ok       403      403      ok/404
PATCH  /api/patients/{id}/ contact                    | 401     ok     ok/404   ok/404   ok       403      403      ok/404
PATCH  /api/patients/{id}/ name                       | 401     ok     ok/404   ok/404   ok       403      403      403/404
PATCH  /api/patients/{id}/ deactivate                 | 401     ok     403/404  403/404  403      403      403      403/404
DELETE /api/patients/{id}/                            | 401     ok     403      403      403      403      403      403
GET    /api/patients/{id}/duplicates/                 | 401     ok     ok/404   ok/404   ok       403      403      403
POST   /api/patients/{id}/merge/                      | 401     ok     403      403      ok       403      403      403
POST   /api/patients/{id}/unmerge/                    | 401     ok     403      403      ok       403      403      403
GET    /api/patients/{id}/merges/                     | 401     ok     403      403      ok       403      403      403
GET    /api/patients/{id}/fhir/                       | 401     ok     ok/404   ok/404   ok       403      403      ok/404
GET    /api/patients/{id}/fhir/ everything            | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /api/patients/{id}/fhir/ a document            | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /fhir/metadata/                                | ok      ok     ok       ok       ok       ok       ok       ok
GET    /fhir/Patient/                                 | 401     ok     ok/none  ok/none  ok       403      403      ok/none
POST   /fhir/Patient/_search/                         | 401     ok     ok/none  ok/none  ok       403      403      ok/none
GET    /fhir/Patient/{id}/                            | 401     ok     ok/404   ok/404   ok       403      403      ok/404
GET    /fhir/Patient/{id}/$everything/                | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /api/patients/{id}/medical-history/            | 401     ok     ok/404   ok/404   403      403      403      ok/404
POST   /api/patients/{id}/medical-history/            | 401     ok     ok/404   ok/404   403      403      403      403
GET    /api/patients/{id}/medical-history/{entry}/    | 401     ok     ok/404   ok/404   403      403      403      ok/404
PATCH  /api/patients/{id}/medical-history/{entry}/    | 401     ok     ok/404   ok/404   403      403      403      403
GET    /api/patients/{id}/medical-history/{entry}/versions/ | 401     ok     ok/404   ok/404   403      403      403      ok/404
POST   /api/patients/{id}/documents/                  | 401     ok     ok/404   ok/404   ok       403      403      403
GET    /api/patients/{id}/documents/                  | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /api/patients/{id}/documents/{document}/       | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /api/patients/{id}/documents/{document}/content/ | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /api/patients/{id}/documents/{document}/thumbnail/ | 401     ok     ok/404   ok/404   403      403      403      ok/404
GET    /api/patients/{id}/access-log/                 | 401     ok     403      403      403      403      ok       ok/404
POST   /api/patients/hl7/import/                      | 401     ok     403      403      ok       403      403      403
GET    /api/patients/hl7/parked/                      | 401     ok     403      403      ok       403      403      403
GET    /api/patients/hl7/parked/{id}/                 | 401     ok     403      403      ok       403      403      403
POST   /api/patients/hl7/parked/{id}/replay/          | 401     ok     403      403      ok       403      403      403
POST   /api/patients/hl7/parked/{id}/discard/         | 401     ok     403      403      ok       403      403      403
GET    /api/patients/audit/                           | 401     ok     403      403      403      403      ok       403
GET    /api/patients/audit/verify/                    | 401     ok     403      403      403      403      ok       403

GET    /api/appointments/                             | 401     ok     ok/none  ok/none  ok       ok       403      ok/none
POST   /api/appointments/                             | 401     ok     ok/403   403      ok       403      403      ok/400
GET    /api/appointments/date-range/                  | 401     ok     ok/none  ok/none  ok       ok       403      ok/none
POST   /api/appointments/ over another                | 401     ok     ok/403   403      403      403      403      403
POST   /api/appointments/series/                      | 401     heard  heard/403 403     heard    403      403      403
POST   /api/appointments/walk-in/                     | 401     heard  heard/403 403     heard    403      403      403
GET    /api/appointments/waitlist/                    | 401     ok     ok/none  403      ok       403      403      ok/none
POST   /api/appointments/waitlist/                    | 401     ok     ok/403   403      ok       403      403      ok/400
GET    /api/appointments/waitlist/{id}/               | 401     ok     ok/404   403      ok       403      403      ok/404
PATCH  /api/appointments/waitlist/{id}/ leave         | 401     ok     ok/404   403      ok       403      403      ok/404
POST   /api/appointments/waitlist/{id}/accept/        | 401     heard  heard/404 403     heard    403      403      heard/404
POST   /api/appointments/waitlist/{id}/decline/       | 401     heard  heard/404 403     heard    403      403      heard/404
GET    /api/appointments/external/                    | 401     ok     403      403      ok       403      403      403
GET    /api/appointments/{id}/calendar.ics            | 401     ok     ok/404   ok/404   ok       ok       403      ok/404
GET    /api/appointments/{id}/history/                | 401     ok     ok/404   ok/404   ok       ok       403      ok/404
GET    /api/appointments/{id}/                        | 401     ok     ok/404   ok/404   ok       ok       403      ok/404
GET    /api/appointments/{id}/ another doctor's       | 401     ok     ok/404   ok/404   ok       ok       403      ok/404
PUT    /api/appointments/{id}/ reason                 | 401     ok     ok/404   403/404  ok       403      403      403/404
PATCH  /api/appointments/{id}/ reason                 | 401     ok     ok/404   403/404  ok       403      403      403/404
PATCH  /api/appointments/{id}/ confirm                | 401     ok     ok/404   ok/404   ok       403      403      403/404
PATCH  /api/appointments/{id}/ cancel                 | 401     ok     ok/404   ok/404   ok       403      403      ok/404
PATCH  /api/appointments/{id}/ another doctor's       | 401     ok     403/404  ok/404   ok       403      403      403/404
GET    /api/appointments/doctor/{id}/schedule/        | 401     ok     ok/none  ok/none  ok       ok       403      ok/none
GET    /api/appointments/doctor/{id}/next-available/  | 401     ok     ok       ok       ok       ok       403      ok
GET    /api/appointments/availability/                | 401     ok     ok       ok       ok       ok       403      ok
GET    /api/appointments/doctor/{id}/time-off/        | 401     ok     ok/403   403      ok       403      403      403
POST   /api/appointments/doctor/{id}/time-off/        | 401     ok     ok/403   403      ok       403      403      403
GET    /api/appointments/doctor/{id}/time-off/{entry}/ | 401    ok     ok/403   403      ok       403      403      403
DELETE /api/appointments/doctor/{id}/time-off/{entry}/ | 401    ok     ok/403   403      ok       403      403      403
GET    /api/appointments/doctor/{id}/calendar.ics     | 401     ok     ok/403   403      ok       403      403      403
GET    /api/appointments/doctor/{id}/feed/            | 401     ok     ok/403   403      403      403      403      403
POST   /api/appointments/doctor/{id}/feed/            | 401     ok     ok/403   403      403      403      403      403
DELETE /api/appointments/doctor/{id}/feed/            | 401     ok     ok/403   403      403      403      403      403
GET    /api/appointments/feeds/{secret}/calendar.ics  | ok      ok     ok       ok       ok       ok       ok       ok
GET    /api/appointments/doctor/{id}/busy-times/      | 401     ok     ok/403   403      ok       403      403      403
DELETE /api/appointments/doctor/{id}/busy-times/      | 401     ok     ok/403   403      ok       403      403      403
POST   /api/appointments/doctor/{id}/busy-times/      | 401     ok     ok/403   403      ok       403      403      403
GET    /api/appointments/doctor/{id}/availability/    | 401     ok     ok/403   403      ok       403      403      403
PUT    /api/appointments/doctor/{id}/availability/    | 401     ok     ok/403   403      ok       403      403      403
GET    /api/appointments/audit/                       | 401     ok     403      403      403      403      ok       403
GET    /api/appointments/audit/verify/                | 401     ok     403      403      403      403      ok       403

GET    /api/billing/services/                         | 401     ok     403      403      ok       ok       403      403
POST   /api/billing/services/                         | 401     ok     403      403      403      ok       403      403
GET    /api/billing/services/{id}/                    | 401     ok     403      403      ok       ok       403      403
PATCH  /api/billing/services/{id}/                    | 401     ok     403      403      403      ok       403      403
GET    /api/billing/invoices/                         | 401     ok     403      403      ok       ok       403      ok/none
POST   /api/billing/invoices/ a draft                 | 401     ok     403      403      ok       ok       403      403
POST   /api/billing/invoices/ issued                  | 401     ok     403      403      403      ok       403      403
GET    /api/billing/invoices/{id}/ issued             | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/invoices/{id}/ a draft            | 401     ok     403      403      ok       ok       403      404
PUT    /api/billing/invoices/{id}/                    | 401     ok     403      403      ok       ok       403      403
PATCH  /api/billing/invoices/{id}/                    | 401     ok     403      403      ok       ok       403      403
POST   /api/billing/invoices/{id}/issue/              | 401     ok     403      403      403      ok       403      403
POST   /api/billing/invoices/{id}/cancel/             | 401     ok     403      403      403      ok       403      403
GET    /api/billing/invoices/{id}/upi-qr.png          | 401     ok     403      403      ok       ok       403      ok/404
PUT    /api/billing/invoices/{id}/insurance/          | 401     ok     403      403      ok       ok       403      403
GET    /api/billing/invoices/{id}/insurance/          | 401     ok     403      403      ok       ok       403      ok/404
PATCH  /api/billing/invoices/{id}/insurance/          | 401     ok     403      403      ok       ok       403      403
GET    /api/billing/invoices/{id}/pdf/                | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/credit-notes/                     | 401     ok     403      403      ok       ok       403      ok/none
GET    /api/billing/credit-notes/{id}/                | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/credit-notes/{id}/pdf/            | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/invoices/{id}/payments/           | 401     ok     403      403      ok       ok       403      ok/404
POST   /api/billing/payments/ cash                    | 401     ok     403      403      ok       ok       403      403
POST   /api/billing/payments/ online, not set up here | 401     heard  403      403      heard    heard    403      heard
GET    /api/billing/payments/{id}/                    | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/payments/{id}/refunds/            | 401     ok     403      403      ok       ok       403      ok/404
POST   /api/billing/payments/{id}/refund/             | 401     ok     403      403      403      ok       403      403
POST   /api/billing/webhooks/razorpay/ unsigned       | heard   heard  heard    heard    heard    heard    heard    heard
GET    /api/billing/advances/                         | 401     ok     403      403      ok       ok       403      ok/none
POST   /api/billing/advances/                         | 401     ok     403      403      ok       ok       403      403
GET    /api/billing/advances/{id}/                    | 401     ok     403      403      ok       ok       403      ok/404
POST   /api/billing/advances/{id}/use/                | 401     ok     403      403      ok       ok       403      403
GET    /api/billing/advances/{id}/uses/               | 401     ok     403      403      ok       ok       403      ok/404
POST   /api/billing/advances/{id}/refund/             | 401     ok     403      403      403      ok       403      403
GET    /api/billing/advances/{id}/pdf/                | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/refund-vouchers/                  | 401     ok     403      403      ok       ok       403      ok/none
GET    /api/billing/refund-vouchers/{id}/             | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/refund-vouchers/{id}/pdf/         | 401     ok     403      403      ok       ok       403      ok/404
GET    /api/billing/day-close/                        | 401     ok     403      403      403      ok       403      403
GET    /api/billing/day-close/{id}/                   | 401     ok     403      403      403      ok       403      403
POST   /api/billing/day-close/                        | 401     ok     403      403      403      ok       403      403
GET    /api/billing/reports/revenue/                  | 401     ok     ok       403      403      ok       403      403
GET    /api/billing/reports/doctor-share/             | 401     ok     ok       403      403      ok       403      403
GET    /api/billing/reports/outstanding/              | 401     ok     ok       403      403      ok       403      403
GET    /api/billing/reports/gst/                      | 401     ok     403      403      403      ok       403      403
GET    /api/billing/reports/day-book/                 | 401     ok     403      403      403      ok       403      403
POST   /api/billing/reports/ revenue                  | 401     ok     ok       403      403      ok       403      403
POST   /api/billing/reports/ the day book             | 401     ok     403      403      403      ok       403      403
GET    /api/billing/reports/                          | 401     ok     ok       403      403      ok       403      403
GET    /api/billing/reports/{id}/                     | 401     ok     ok/404   403      403      ok       403      403
GET    /api/billing/audit/                            | 401     ok     403      403      403      403      ok       403
GET    /api/billing/audit/verify/                     | 401     ok     403      403      403      403      ok       403

POST   /api/users/logout/                             | 401     ok     ok       ok       ok       ok       ok       ok
";

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Method and path, as in the OpenAPI document.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// What is sent, where that decides.
    pub what: &'static str,
    /// For every caller: of one's own, of another's.
    pub decisions: [(Decision, Decision); 8],
}

/// What has to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Done,
    Unlisted,
    Heard,
    Refused(u16),
}

impl Line {
    /// Whether the list is to hide something from somebody, so that it has to show it to others.
    pub fn hides(&self) -> bool {
        self.decisions.iter().any(|(own, anothers)| [own, anothers].contains(&&Decision::Unlisted))
    }
}

/// The table, line by line.
pub fn lines() -> Vec<Line> {
    TABLE.lines().filter(|line| line.contains('|')).map(line).collect()
}

/// Whether a caller is refused whatever they send to an operation, and with which status.
pub fn refused_whatever_is_sent(method: &str, path: &str, column: usize) -> Option<u16> {
    let same = lines().into_iter().filter(|line| (line.method, line.path) == (method, path));
    let mut decisions = same.flat_map(|line| <[Decision; 2]>::from(line.decisions[column]));
    match decisions.next() {
        Some(Decision::Refused(status @ (401 | 403))) => {
            decisions.all(|other| other == Decision::Refused(status)).then_some(status)
        }
        _ => None,
    }
}

fn line(text: &'static str) -> Line {
    let (operation, decisions) = text.split_once('|').unwrap();
    let (method, rest) = operation.trim().split_once(' ').unwrap();
    let (path, what) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let decisions: Vec<_> = decisions.split_whitespace().map(pair).collect();
    Line { method, path, what, decisions: decisions.try_into().unwrap_or_else(|_| panic!("eight decisions: {text}")) }
}

fn pair(text: &str) -> (Decision, Decision) {
    let (own, anothers) = text.split_once('/').unwrap_or((text, text));
    (decision(own), decision(anothers))
}

fn decision(word: &str) -> Decision {
    match word {
        "ok" => Decision::Done,
        "none" => Decision::Unlisted,
        "heard" => Decision::Heard,
        status => Decision::Refused(status.parse().unwrap_or_else(|_| panic!("{word} is no decision"))),
    }
}
