//! Receives Stripe's webhooks and tells the other services what they say.
fn main() -> std::process::ExitCode {
    kit::run::<webhook_ingest::WebhookIngest>()
}
