//! Discounts: coupons as they were redeemed, for as long as they last.

use serde_json::{Value, json};

use crate::amounts::Off;
use crate::clock::add_months;
use crate::coupons;
use crate::error::Refusal;
use crate::form::Params;
use crate::store::{PLATFORM, World, id_of};

/// A coupon that is to be redeemed, with the promotion code it was reached by.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub coupon: Value,
    pub promotion_code: Option<String>,
}

impl Wanted {
    /// As a checkout session shows it, and as its plan keeps it.
    pub fn to_json(&self) -> Value {
        json!({ "coupon": id_of(&self.coupon), "promotion_code": self.promotion_code })
    }
}

/// What `discounts` of a subscription is to become.
pub enum Order {
    Unchanged,
    Set(Vec<Place>),
}

pub enum Place {
    /// A discount that is there already stays.
    Kept(String),
    New(Wanted),
}

impl World {
    /// Reads `discounts[]`; each names a coupon, a promotion code, or (where `old` says so) a
    /// discount of the subscription.
    pub fn read_discounts(
        &self,
        params: &Params,
        old: &Value,
        customer: Option<&str>,
        amount: i64,
    ) -> Result<Order, Refusal> {
        if params.is_cleared("discounts") {
            return Ok(Order::Set(Vec::new()));
        }
        let count = params.count("discounts");
        if count == 0 {
            return Ok(Order::Unchanged);
        }
        let place = |index| {
            self.place(
                params,
                &format!("discounts[{index}]"),
                old,
                customer,
                amount,
            )
        };
        (0..count)
            .map(place)
            .collect::<Result<_, _>>()
            .map(Order::Set)
    }

    fn place(
        &self,
        params: &Params,
        name: &str,
        old: &Value,
        customer: Option<&str>,
        amount: i64,
    ) -> Result<Place, Refusal> {
        let field = |part: &str| format!("{name}[{part}]");
        if let Some(id) = params.get(&field("discount")) {
            let is_old = old.as_array().into_iter().flatten().any(|own| own == id);
            let kept = Some(Place::Kept(id.to_owned())).filter(|_| is_old);
            return kept.ok_or_else(|| Refusal::no_such_param("discount", &field("discount"), id));
        }
        if let Some(id) = params.get(&field("coupon")) {
            let coupon = self.open_coupon(&field("coupon"), id)?;
            return Ok(Place::New(Wanted {
                coupon,
                promotion_code: None,
            }));
        }
        let code = params.get(&field("promotion_code"));
        let code = code.ok_or_else(|| Refusal::missing(&field("coupon")))?;
        let wanted = self.by_code(&field("promotion_code"), code, customer, amount)?;
        Ok(Place::New(wanted))
    }

    /// The coupon behind a promotion code.
    pub fn by_code(
        &self,
        param: &str,
        code: &str,
        customer: Option<&str>,
        amount: i64,
    ) -> Result<Wanted, Refusal> {
        let code = self.open_promotion_code(param, code, customer, amount)?;
        let coupon = code["promotion"]["coupon"].as_str().unwrap_or_default();
        Ok(Wanted {
            coupon: self.open_coupon(param, coupon)?,
            promotion_code: Some(id_of(&code).to_owned()),
        })
    }

    /// Redeems coupons for a subscription; answers the discounts' ids.
    pub fn redeem(
        &mut self,
        wanted: &[Wanted],
        subscription: &Value,
        session: Option<&str>,
    ) -> Vec<String> {
        let one = |wanted| self.redeem_one(wanted, subscription, session);
        wanted.iter().map(one).collect()
    }

    fn redeem_one(
        &mut self,
        wanted: &Wanted,
        subscription: &Value,
        session: Option<&str>,
    ) -> String {
        let id = self.mint("di");
        let months = wanted.coupon["duration_in_months"].as_i64();
        let months = months.and_then(|months| i32::try_from(months).ok());
        let end = months.map(|months| add_months(self.now, months));
        let discount = json!({
            "id": id, "object": "discount", "checkout_session": session,
            "customer": subscription["customer"], "customer_account": null, "end": end,
            "invoice": null, "invoice_item": null, "promotion_code": wanted.promotion_code,
            "source": { "coupon": id_of(&wanted.coupon), "type": "coupon" },
            "start": self.now, "subscription": subscription["id"], "subscription_item": null,
        });
        // The coupon may be deleted one day; the discount goes on as it was redeemed.
        self.set_row("discount", &id, wanted.coupon.clone());
        self.put(PLATFORM, discount.clone());
        self.count_use(wanted);
        self.emit(PLATFORM, "customer.discount.created", &discount);
        id
    }

    pub fn count_use(&mut self, wanted: &Wanted) {
        self.redeem_coupon(&wanted.coupon);
        if let Some(code) = &wanted.promotion_code {
            self.redeem_promotion_code(code);
        }
    }

    /// The discounts of a subscription that count at this instant, in their order.
    pub fn discounts_of(&self, subscription: &Value) -> Vec<(String, Off)> {
        let ids = subscription["discounts"].as_array().into_iter().flatten();
        let counts = |id: &&str| !self.is_over(id);
        let ids = ids.filter_map(Value::as_str).filter(counts);
        ids.map(|id| (id.to_owned(), self.off_of(id))).collect()
    }

    fn off_of(&self, discount: &str) -> Off {
        let coupon = self.row("discount", discount);
        coupon.map_or(Off::Amount(0), coupons::off)
    }

    fn is_over(&self, discount: &str) -> bool {
        let end = self.any(discount).and_then(|it| it["end"].as_i64());
        end.is_some_and(|end| end <= self.now)
    }

    /// Takes from a subscription the discounts that are over, and those for one invoice alone
    /// that this invoice `used`.
    pub fn drop_discounts(&mut self, subscription: &str, used: &[String]) {
        let Some(old) = self.any(subscription).cloned() else {
            return;
        };
        let ids = old["discounts"].as_array().into_iter().flatten();
        let ids: Vec<String> = ids.filter_map(Value::as_str).map(str::to_owned).collect();
        let once = |id: &str| {
            let coupon = self.row("discount", id);
            coupon.is_some_and(|coupon| coupon["duration"] == "once")
        };
        let gone = |id: &&String| self.is_over(id) || (used.contains(id) && once(id));
        let (gone, left): (Vec<&String>, Vec<&String>) = ids.iter().partition(gone);
        if gone.is_empty() {
            return;
        }
        self.edit(subscription, |it| it["discounts"] = json!(left));
        for id in gone {
            self.end_discount(id);
        }
    }

    /// Ends a discount; it stays where invoices name it.
    pub fn end_discount(&mut self, id: &str) {
        let now = self.now;
        let ended = self.edit(id, |it| {
            if it["end"].is_null() {
                it["end"] = json!(now);
            }
        });
        self.emit(PLATFORM, "customer.discount.deleted", &ended);
    }
}
