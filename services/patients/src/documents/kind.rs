//! What a document is, how it stands, and why it cannot be read. Pure.

chassis::words! {
    /// What a document is.
    pub enum DocumentType {
        /// A report of a laboratory.
        LabReport = "LAB_REPORT",
        /// A prescription.
        Prescription = "PRESCRIPTION",
        /// What was done in the hospital, at its end.
        DischargeSummary = "DISCHARGE_SUMMARY",
        /// An image of the body, or what was seen in it.
        Imaging = "IMAGING",
        /// What the patient agreed to.
        Consent = "CONSENT",
        /// Anything else.
        Other = "OTHER",
    }
}

chassis::words! {
    /// How a document stands.
    pub enum DocumentStatus {
        /// Stored, and not yet inspected.
        Processing = "PROCESSING",
        /// Inspected: it can be read.
        Ready = "READY",
        /// Harmful: nobody reads it.
        Quarantined = "QUARANTINED",
        /// Not what is kept here, or it could not be inspected: nobody reads it.
        Failed = "FAILED",
    }
}

chassis::words! {
    /// Why a document cannot be read.
    #[schema(as = DocumentReason)]
    pub enum Reason {
        /// The scanner found malware.
        Infected = "INFECTED",
        /// It unpacks to far more than it says.
        Expands = "EXPANDS",
        /// Its content is of no type that is kept here, whatever it was called.
        TypeNotAllowed = "TYPE_NOT_ALLOWED",
        /// It is larger than the scanner takes.
        NotScanned = "NOT_SCANNED",
        /// What is stored is not what was uploaded.
        Damaged = "DAMAGED",
        /// Its inspection was tried again and again, and never ended.
        NotInspected = "NOT_INSPECTED",
    }
}

impl Reason {
    /// How a document stands for this reason: what is harmful is quarantined.
    pub const fn status(self) -> DocumentStatus {
        match self {
            Self::Infected | Self::Expands => DocumentStatus::Quarantined,
            Self::TypeNotAllowed | Self::NotScanned | Self::Damaged | Self::NotInspected => DocumentStatus::Failed,
        }
    }
}
