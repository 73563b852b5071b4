//! Any bytes as a message and as a batch: read, mapped, written again and acknowledged.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    one(bytes);
    if let Ok(batch) = hl7::batch::split(bytes) {
        assert!(batch.messages.len() <= hl7::batch::MAX_BATCH_MESSAGES);
        batch.messages.iter().take(20).for_each(|bytes| one(bytes));
    }
});

fn one(bytes: &[u8]) {
    let header = hl7::header_lossy(bytes);
    let read = hl7::parse(bytes).and_then(|message| {
        let again = hl7::parse(&message.to_bytes());
        assert!(again.as_ref() == Ok(&message), "what is written reads as it was read");
        hl7::read_each(&message)
    });
    if let (Some(header), Err(fault)) = (header, read) {
        let ack = hl7::ack::refuse(&header, fault.acknowledgment(), &fault, "1", chrono::DateTime::UNIX_EPOCH);
        assert!(hl7::parse(ack.as_bytes()).is_ok(), "a refusal is a message");
    }
}
