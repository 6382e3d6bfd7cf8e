//! What a checkout session offers: prices, quantities, tax rates, and what they come to.

use serde_json::{Value, json};

use crate::amounts::{Outcome, Part, Sums};
use crate::coupons;
use crate::discounts::Wanted as Coupon;
use crate::error::Refusal;
use crate::form::Params;
use crate::prices::{Terms, Wanted, part_name};
use crate::store::{PLATFORM, World, id_of};
use crate::tax_rates::applied;
use crate::terms::First;

/// The most that Stripe charges at once, in cents.
pub const TOTAL_MAX: i64 = 99_999_999;
const QUANTITY_MAX: i64 = 999_999;

/// A price that is there, or is to be made.
#[derive(Clone)]
pub enum Priced {
    Known(Value),
    New(Terms, Wanted),
}

impl Priced {
    /// Reads `price` or `price_data` of a structure; `None` when it has neither.
    pub fn read(world: &World, params: &Params, name: &str) -> Result<Option<Self>, Refusal> {
        let (field, data) = (part_name(name, "price"), part_name(name, "price_data"));
        if let Some(id) = params.get(&field) {
            let price = world.named("price", &field, id)?;
            if price["active"] == true {
                return Ok(Some(Self::Known(price.clone())));
            }
            let message = format!("The price specified is inactive: {id}.");
            return Err(Refusal::invalid(&field, message));
        }
        if !params.has(&data) {
            return Ok(None);
        }
        let (terms, product) = (
            Terms::read(params, &data)?,
            world.product_of(params, &data)?,
        );
        Ok(Some(Self::New(terms, product)))
    }

    pub fn recurs(&self) -> bool {
        match self {
            Self::Known(price) => price["type"] == "recurring",
            Self::New(terms, _) => terms.interval.is_some(),
        }
    }

    pub fn amount(&self) -> i64 {
        match self {
            Self::Known(price) => price["unit_amount"].as_i64().unwrap_or(0),
            Self::New(terms, _) => terms.amount,
        }
    }

    pub fn create(self, world: &mut World) -> Value {
        match self {
            Self::Known(price) => price,
            Self::New(terms, product) => {
                let product = product.create(world);
                world.create_price(&terms, &product)
            }
        }
    }
}

/// Reads a quantity; absent is `None`.
pub fn quantity(params: &Params, name: &str) -> Result<Option<i64>, Refusal> {
    let quantity = params.int(name)?;
    if quantity.is_some_and(|quantity| !(1..=QUANTITY_MAX).contains(&quantity)) {
        return Err(Refusal::invalid(name, "Invalid quantity."));
    }
    Ok(quantity)
}

/// One line of an offer, before its price exists.
pub struct Offer {
    price: Priced,
    quantity: i64,
    tax_rates: Vec<Value>,
}

impl World {
    pub fn read_offers(&self, params: &Params, recurring: bool) -> Result<Vec<Offer>, Refusal> {
        let count = params.count("line_items");
        if count == 0 {
            return Err(Refusal::missing("line_items"));
        }
        let offer = |index| self.read_offer(params, &format!("line_items[{index}]"), recurring);
        let offers = (0..count).map(offer).collect::<Result<Vec<_>, _>>()?;
        if recurring && !offers.iter().any(|offer| offer.price.recurs()) {
            let message = "You must provide at least one recurring price in this mode.";
            return Err(Refusal::invalid("line_items[0][price]", message));
        }
        Ok(offers)
    }

    fn read_offer(&self, params: &Params, name: &str, recurring: bool) -> Result<Offer, Refusal> {
        let quantity = quantity(params, &format!("{name}[quantity]"))?.unwrap_or(1);
        let field = format!("{name}[price]");
        let price = Priced::read(self, params, name)?;
        let price = price.ok_or_else(|| Refusal::missing(&field))?;
        if price.recurs() && !recurring {
            let message = "You must provide one-time prices in this mode.";
            return Err(Refusal::invalid(&field, message));
        }
        let tax_rates = self.tax_rates(params, &format!("{name}[tax_rates]"))?;
        Ok(Offer {
            price,
            quantity,
            tax_rates: tax_rates.unwrap_or_default(),
        })
    }

    /// Makes the prices of an offer that are not there yet.
    pub fn make_offer(&mut self, offer: Offer) -> Value {
        let price = offer.price.create(self);
        json!({
            "id": self.mint("li"), "price": price, "quantity": offer.quantity,
            "tax_rates": offer.tax_rates,
        })
    }
}

/// An offer as a session's plan keeps it: `{"id","price","quantity","tax_rates"}`.
pub fn full_amount(offer: &Value) -> i64 {
    let unit = offer["price"]["unit_amount"].as_i64().unwrap_or(0);
    unit * offer["quantity"].as_i64().unwrap_or(1)
}

/// Whether an offer is for every month, rather than for once.
pub fn recurs(offer: &Value) -> bool {
    offer["price"]["type"] == "recurring"
}

/// What offers cost in all, before anything is taken off or put on top.
pub fn full_total(offers: &[Offer]) -> i64 {
    let amounts = offers
        .iter()
        .map(|offer| offer.price.amount().saturating_mul(offer.quantity));
    amounts.fold(0, i64::saturating_add)
}

/// # Errors
/// When offers cost more than Stripe charges at once.
pub fn check_total(offers: &[Offer]) -> Result<(), Refusal> {
    if full_total(offers) <= TOTAL_MAX {
        return Ok(());
    }
    let message = "The total amount must be at most $999,999.99.";
    Err(Refusal::param("amount_too_large", "line_items", message))
}

/// What the offers of a session come to if they are taken up now. `first` is absent where
/// nothing recurs.
pub fn sums(
    offers: &[Value],
    default_rates: &Value,
    first: Option<&First>,
    coupons: &[Coupon],
) -> Sums {
    let part = |offer: &Value| {
        let (full, own) = (full_amount(offer), &offer["tax_rates"]);
        // What is paid once is on the first invoice in full, and the subscription's rates are
        // not for it.
        let (amount, fallback) = match first.filter(|_| recurs(offer)) {
            Some(first) => (first.share_of(full), default_rates),
            None => (full, &Value::Null),
        };
        Part {
            amount,
            discountable: true,
            rates: applied(own, fallback),
        }
    };
    let parts: Vec<Part> = offers.iter().map(part).collect();
    let offs: Vec<_> = coupons
        .iter()
        .map(|wanted| coupons::off(&wanted.coupon))
        .collect();
    Sums::of(&parts, &offs)
}

/// A line of a session, as Stripe shows it.
pub fn line_item(world: &World, offer: &Value, line: &Outcome) -> Value {
    let product = offer["price"]["product"].as_str().unwrap_or_default();
    let product = world.find(PLATFORM, "product", product);
    json!({
        "id": id_of(offer), "object": "item", "amount_discount": line.discount(),
        "amount_subtotal": line.amount, "amount_tax": line.tax(),
        "amount_total": line.amount - line.discount() + line.tax_on_top(), "currency": "usd",
        "description": product.map(|product| &product["name"]), "price": offer["price"],
        "quantity": offer["quantity"], "metadata": {},
    })
}
