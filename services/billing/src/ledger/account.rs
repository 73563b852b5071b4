//! The accounts, as `ledger_accounts` has them.

chassis::words! {
    /// An account of the books.
    pub enum Account {
        /// What patients owe.
        Receivable = "RECEIVABLE",
        /// Notes and coins with the cashiers.
        Cash = "CASH",
        /// Notes and coins that the day close has counted.
        Safe = "SAFE",
        /// Taken by card terminals.
        Card = "CARD",
        /// Collected by UPI.
        Upi = "UPI",
        /// Bank transfers.
        Bank = "BANK",
        /// Cheques.
        Cheques = "CHEQUES",
        /// Received from insurers.
        Insurers = "INSURERS",
        /// With the payment provider.
        Provider = "PROVIDER",
        /// Advances held for patients.
        Advances = "ADVANCES",
        /// Received when nothing was owed any more.
        Unapplied = "UNAPPLIED",
        /// Refunds that the provider has yet to send.
        RefundsPayable = "REFUNDS_PAYABLE",
        /// Central tax.
        OutputCgst = "OUTPUT_CGST",
        /// State tax, or that of the union territory.
        OutputSgst = "OUTPUT_SGST",
        /// Integrated tax.
        OutputIgst = "OUTPUT_IGST",
        /// Supplies without tax.
        Revenue = "REVENUE",
        /// Rounding to the rupee.
        RoundOff = "ROUND_OFF",
        /// Cash over or short at the day close.
        CashDifference = "CASH_DIFFERENCE",
    }
}
