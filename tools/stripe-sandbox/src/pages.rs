//! The pages that people see: paying a session, and completing a connected account. Plain
//! forms, in the place of Stripe's own.

use serde_json::Value;

use crate::banks::{Bank, GOOD_NUMBER, ROUTING};
use crate::cards::{Card, GOOD};
use crate::error::Refusal;
use crate::form::Params;
use crate::sandbox::Sandbox;
use crate::store::World;

/// What a page answers.
pub enum Page {
    Shown(u16, String),
    SeeOther(String),
}

pub fn serve(sandbox: &Sandbox, method: &str, path: &str, params: &Params) -> Option<Page> {
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["", "c", "pay", id]) => Some(show_session(&sandbox.lock(), id, None)),
        ("POST", ["", "c", "pay", id]) => Some(pay(sandbox, id, params)),
        ("GET", ["", "setup", "e", _, token]) => Some(show_setup(&sandbox.lock(), token, None)),
        ("POST", ["", "setup", "e", _, token]) => Some(set_up(sandbox, token, params)),
        _ => None,
    }
}

fn pay(sandbox: &Sandbox, id: &str, params: &Params) -> Page {
    let number = params
        .get("card_number")
        .or_else(|| params.get("card"))
        .unwrap_or(GOOD);
    let outcome = sandbox.work(&format!("page /c/pay/{id}"), |world| {
        Card::read(number).and_then(|card| world.complete_session(id, &card))
    });
    match outcome {
        Ok(session) => Page::SeeOther(success_url(&session)),
        Err(refusal) => show_session(&sandbox.lock(), id, Some(&refusal)),
    }
}

/// Where the buyer is sent, with the session's id filled in.
pub fn success_url(session: &Value) -> String {
    let url = session["success_url"].as_str().unwrap_or("/");
    url.replace(
        "{CHECKOUT_SESSION_ID}",
        session["id"].as_str().unwrap_or_default(),
    )
}

fn show_session(world: &World, id: &str, refusal: Option<&Refusal>) -> Page {
    let session = match world.open_session(id) {
        Ok((session, _)) => session,
        Err(refusal) => return frame(refusal.status, "Checkout", refusal.message(), ""),
    };
    let cents = session["amount_total"].as_i64().unwrap_or(0);
    let cancel = escape(session["cancel_url"].as_str().unwrap_or("#"));
    let form = format!(
        "<p>To pay: <strong>${}.{:02}</strong></p><form method=\"post\">\
         <label>Card number <input name=\"card_number\" value=\"{GOOD}\" inputmode=\"numeric\">\
         </label> <button type=\"submit\">Pay</button></form><p><a href=\"{cancel}\">Cancel</a></p>",
        cents / 100,
        cents % 100,
    );
    let status = refusal.map_or(200, |refusal| refusal.status);
    frame(
        status,
        "Checkout",
        refusal.map_or("", Refusal::message),
        &form,
    )
}

fn set_up(sandbox: &Sandbox, token: &str, params: &Params) -> Page {
    let number = params.get("account_number").unwrap_or(GOOD_NUMBER);
    let outcome = sandbox.work("page /setup", |world| {
        let (account, back) = link(world, token)?;
        let bank = Bank::read(number, params.get("routing_number"))?;
        world.complete_account(&account, &bank).map(|_| back)
    });
    match outcome {
        Ok(back) => Page::SeeOther(back),
        Err(refusal) => show_setup(&sandbox.lock(), token, Some(&refusal)),
    }
}

/// The account that a link is for, and where its owner returns to.
fn link(world: &World, token: &str) -> Result<(String, String), Refusal> {
    let urls = world
        .row("plan", token)
        .filter(|urls| urls["return_url"].is_string());
    let urls = urls.ok_or_else(|| Refusal::no_such("account_link", "id", token))?;
    let text = |name: &str| urls[name].as_str().unwrap_or_default().to_owned();
    Ok((text("account"), text("return_url")))
}

fn show_setup(world: &World, token: &str, refusal: Option<&Refusal>) -> Page {
    if let Err(refusal) = link(world, token) {
        return frame(refusal.status, "Account", refusal.message(), "");
    }
    let form = format!(
        "<form method=\"post\"><label>Routing number <input name=\"routing_number\" \
         value=\"{ROUTING}\"></label> <label>Account number <input name=\"account_number\" \
         value=\"{GOOD_NUMBER}\"></label> <button type=\"submit\">Complete</button></form>"
    );
    let status = refusal.map_or(200, |refusal| refusal.status);
    frame(
        status,
        "Account",
        refusal.map_or("", Refusal::message),
        &form,
    )
}

fn frame(status: u16, title: &str, error: &str, content: &str) -> Page {
    let error = escape(error);
    let alert = if error.is_empty() {
        error
    } else {
        format!("<p role=\"alert\">{error}</p>")
    };
    Page::Shown(
        status,
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <body><h1>{title} (sandbox)</h1>{alert}{content}</body></html>"
        ),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
