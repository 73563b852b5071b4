//! Where a claim can stand.

chassis::words! {
    /// Where a claim stands.
    pub enum ClaimStatus {
        /// Not sent yet.
        NotSubmitted = "NOT_SUBMITTED",
        /// The payer has it.
        Submitted = "SUBMITTED",
        /// The payer asks for more.
        Queried = "QUERIED",
        /// The payer will pay.
        Approved = "APPROVED",
        /// The payer will not.
        Rejected = "REJECTED",
        /// The payer has paid.
        Settled = "SETTLED",
    }
}

impl ClaimStatus {
    /// Whether a claim may come to stand there from here. A rejected claim can be sent again.
    pub const fn may_become(self, next: Self) -> bool {
        use ClaimStatus::{Approved, NotSubmitted, Queried, Rejected, Settled, Submitted};
        matches!(
            (self, next),
            (NotSubmitted, NotSubmitted | Submitted)
                | (Submitted, Submitted | Queried | Approved | Rejected)
                | (Queried, Queried | Submitted | Rejected)
                | (Approved, Approved | Settled | Rejected)
                | (Rejected, Rejected | Submitted)
                | (Settled, Settled)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_goes_its_way() {
        for status in ClaimStatus::ALL {
            assert!(status.may_become(*status));
            assert!(!ClaimStatus::Settled.may_become(*status) || *status == ClaimStatus::Settled);
            assert!(!status.may_become(ClaimStatus::NotSubmitted) || *status == ClaimStatus::NotSubmitted);
        }
        assert!(!ClaimStatus::NotSubmitted.may_become(ClaimStatus::Approved));
        assert!(ClaimStatus::Rejected.may_become(ClaimStatus::Submitted));
    }
}
