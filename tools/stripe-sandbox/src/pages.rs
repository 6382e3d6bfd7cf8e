//! The pages that people see: paying a session or an invoice, and completing a connected
//! account. Plain forms, in the place of Stripe's own.

use serde_json::Value;

use crate::banks::{Bank, GOOD_NUMBER, ROUTING};
use crate::cards::{Card, GOOD};
use crate::completion::Payer;
use crate::error::Refusal;
use crate::form::Params;
use crate::sandbox::Sandbox;
use crate::store::{PLATFORM, World};

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
        ("GET", ["", "i", id]) => Some(show_invoice(&sandbox.lock(), id, None)),
        ("POST", ["", "i", id]) => Some(pay_invoice(sandbox, id, params)),
        ("GET", ["", "setup", "e", _, token]) => Some(show_setup(&sandbox.lock(), token, None)),
        ("POST", ["", "setup", "e", _, token]) => Some(set_up(sandbox, token, params)),
        _ => None,
    }
}

fn pay(sandbox: &Sandbox, id: &str, params: &Params) -> Page {
    let outcome = sandbox.work(&format!("page /c/pay/{id}"), |world| {
        typed(params).and_then(|payer| world.complete_session(id, &payer))
    });
    match outcome {
        Ok(session) => Page::SeeOther(success_url(&session)),
        Err(refusal) => show_session(&sandbox.lock(), id, Some(&refusal)),
    }
}

/// What a buyer typed into a form. An empty field is none.
pub fn typed(params: &Params) -> Result<Payer, Refusal> {
    let number = params.get("card_number").or_else(|| params.get("card"));
    Ok(Payer {
        card: number.map(Card::read).transpose()?,
        promotion_code: params.get("promotion_code").map(str::to_owned),
    })
}

fn pay_invoice(sandbox: &Sandbox, id: &str, params: &Params) -> Page {
    let outcome = sandbox.work(&format!("page /i/{id}"), |world| {
        let card = typed(params)?.card.unwrap_or_default();
        world.complete_invoice(id, &card)
    });
    show_invoice(&sandbox.lock(), id, outcome.err().as_ref())
}

fn show_invoice(world: &World, id: &str, refusal: Option<&Refusal>) -> Page {
    let invoice = match world.get(PLATFORM, "invoice", id) {
        Ok(invoice) => invoice,
        Err(refusal) => return frame(refusal.status, "Invoice", refusal.message(), ""),
    };
    let number = escape(invoice["number"].as_str().unwrap_or_default());
    let status = escape(invoice["status"].as_str().unwrap_or_default());
    let due = dollars(&invoice["amount_due"]);
    let mut content = format!("<p>Invoice {number}: <strong>{due}</strong>, {status}.</p>");
    if world.unpaid_invoice(id).is_ok() {
        content.push_str(&card_form("", "Pay"));
    }
    let status = refusal.map_or(200, |refusal| refusal.status);
    frame(
        status,
        "Invoice",
        refusal.map_or("", Refusal::message),
        &content,
    )
}

fn dollars(amount: &Value) -> String {
    let cents = amount.as_i64().unwrap_or(0);
    format!("${}.{:02}", cents / 100, cents % 100)
}

fn card_form(more: &str, button: &str) -> String {
    format!(
        "<form method=\"post\"><label>Card number <input name=\"card_number\" value=\"{GOOD}\" \
         inputmode=\"numeric\"></label> {more}<button type=\"submit\">{button}</button></form>"
    )
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
    let cancel = escape(session["cancel_url"].as_str().unwrap_or("#"));
    let code = if session["allow_promotion_codes"] == true {
        "<label>Promotion code <input name=\"promotion_code\"></label> "
    } else {
        ""
    };
    let form = format!(
        "<p>To pay: <strong>{}</strong></p>{}<p><a href=\"{cancel}\">Cancel</a></p>",
        dollars(&session["amount_total"]),
        card_form(code, "Pay"),
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
