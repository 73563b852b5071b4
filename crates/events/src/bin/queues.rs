//! Makes the queues that `proto-schemas/subscriptions.yaml` asks for.

use chassis::env::Env;
use clap::{Parser, Subcommand};
use events::{QueueConfig, SqsQueues, queues, subscriptions::Subscriptions};

/// The queues between EHS's services.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes each subscriber's queue and dead-letter queue, or brings those there are up to date.
    Create,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Create = Cli::parse().command;
    let mut env = Env::process();
    let config = QueueConfig::read(&mut env);
    let config = env.finish(config)?;
    let sqs = SqsQueues::connect(&config).await;
    for name in queues::ensure(sqs.client(), sqs.prefix(), &Subscriptions::committed()).await? {
        #[expect(clippy::print_stdout, reason = "what the command has to say")]
        {
            println!("{name}");
        }
    }
    Ok(())
}
