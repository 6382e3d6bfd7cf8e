//! External accounts: the banks of a connected account, one of which is paid out to.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::banks::Bank;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::lists::whole_list;
use crate::store::{PLATFORM, World, id_of};

const CHANGEABLE: &[&str] = &["account_holder_name", "account_holder_type", "account_type"];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "accounts/*/external_accounts",
        &[
            "external_account[object]",
            "external_account[country]",
            "external_account[currency]",
            "external_account[account_number]",
            "external_account[routing_number]",
            "external_account[account_holder_name]",
            "external_account[account_holder_type]",
            "default_for_currency",
            "metadata",
            "metadata[*]",
        ],
        create,
    ),
    Endpoint::list("accounts/*/external_accounts", &["object"], list),
    Endpoint::get("accounts/*/external_accounts/*", &[], retrieve),
    Endpoint::post(
        "accounts/*/external_accounts/*",
        &[
            "account_holder_name",
            "account_holder_type",
            "account_type",
            "default_for_currency",
            "metadata",
            "metadata[*]",
        ],
        update,
    ),
    Endpoint::delete("accounts/*/external_accounts/*", &[], delete),
];

/// The bank account that a request names in full, if it does.
pub fn bank_in(params: &Params) -> Result<Option<Bank>, Refusal> {
    let number = params.get("external_account[account_number]");
    let routing = params.get("external_account[routing_number]");
    number.map(|number| Bank::read(number, routing)).transpose()
}

fn create(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "account", &call.id)?;
    let bank = bank_in(&call.params)?;
    let bank = bank.ok_or_else(|| Refusal::missing("external_account"))?;
    let wanted = call.params.flag("default_for_currency")?.unwrap_or(false);
    let metadata = call.params.merge_metadata("metadata", &Value::Null);
    Ok(world.add_bank(&call.id, &bank, wanted, metadata))
}

fn list(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "account", call.parent())?;
    let kind = call.params.one_of("object", &["bank_account", "card"])?;
    let call = Call {
        owner: call.parent().to_owned(),
        params: call.params.clone(),
        id: call.id.clone(),
        path: call.path.clone(),
        base: call.base.clone(),
    };
    world.page(&call, "bank_account", None, |bank| {
        kind.as_ref().is_none_or(|kind| bank["object"] == **kind)
    })
}

fn find<'a>(world: &'a World, call: &Call) -> Result<&'a Value, Refusal> {
    world.get(PLATFORM, "account", call.parent())?;
    let found = world.find(call.parent(), "bank_account", &call.id);
    found.ok_or_else(|| Refusal::no_such("external_account", "id", &call.id))
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    find(world, call).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = find(world, call)?.clone();
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let wanted = call.params.flag("default_for_currency")?;
    if wanted == Some(false) && old["default_for_currency"] == true {
        let message = "Name another external account as the default instead.";
        return Err(Refusal::invalid("default_for_currency", message));
    }
    let account = call.parent().to_owned();
    world.with_account(&account, |world| {
        let bank = world.edit(&call.id, |bank| {
            bank["metadata"] = metadata;
            for name in CHANGEABLE {
                if let Some(value) = call.params.get(name) {
                    bank[*name] = json!(value);
                }
            }
        });
        if wanted == Some(true) {
            world.make_default(&account, id_of(&bank));
        }
        world.show_banks(&account);
        let bank = world.any(&call.id).cloned().unwrap_or_default();
        world.emit(&account, "account.external_account.updated", &bank);
    });
    find(world, call).cloned()
}

fn delete(world: &mut World, call: &Call) -> Answer {
    let bank = find(world, call)?.clone();
    let account = call.parent().to_owned();
    if bank["default_for_currency"] == true {
        let message = "You cannot delete the default external account for your default \
                       currency. Please make another external account the default using the \
                       `default_for_currency` param, and then delete this one.";
        return Err(Refusal::said(message));
    }
    let mut stub = Value::Null;
    world.with_account(&account, |world| {
        stub = world.drop_bank(&account, &bank);
    });
    Ok(stub)
}

impl World {
    /// The bank account that an owner's payouts go to.
    pub fn default_bank(&self, owner: &str) -> Option<&Value> {
        let all = self.list(owner, "bank_account", None).iter();
        all.filter_map(|(_, id)| self.any(id))
            .find(|bank| bank["default_for_currency"] == true)
    }

    /// Adds a bank account. It is the one to pay out to when it is the first, when that is
    /// asked for, or when the one so far has sent money back.
    fn add_bank(&mut self, account: &str, bank: &Bank, wanted: bool, metadata: Value) -> Value {
        let mut made = Value::Null;
        self.with_account(account, |world| {
            made = world.insert_bank(account, bank, wanted, metadata);
        });
        made
    }

    fn insert_bank(&mut self, account: &str, bank: &Bank, wanted: bool, metadata: Value) -> Value {
        let old = self.default_bank(account);
        let leads = wanted || old.is_none_or(|old| old["status"] == "errored");
        let mut object = self.bank_object(account, bank);
        object["metadata"] = metadata;
        object["default_for_currency"] = json!(false);
        let id = id_of(&self.put(account, object)).to_owned();
        if leads {
            self.make_default(account, &id);
        }
        self.show_banks(account);
        let made = self.any(&id).cloned().unwrap_or_default();
        self.emit(account, "account.external_account.created", &made);
        made
    }

    /// Names the bank account to pay out to in the place of the one so far, as a part of a
    /// change of the account.
    pub fn swap_bank(&mut self, account: &str, bank: &Bank) {
        let old = self.default_bank(account).cloned();
        self.insert_bank(account, bank, true, json!({}));
        if let Some(old) = old {
            self.drop_bank(account, &old);
        }
    }

    fn make_default(&mut self, account: &str, chosen: &str) {
        let all: Vec<String> = self.bank_ids(account);
        for id in all {
            let is_chosen = id == chosen;
            if self
                .any(&id)
                .is_some_and(|bank| bank["default_for_currency"] != is_chosen)
            {
                self.edit(&id, |bank| bank["default_for_currency"] = json!(is_chosen));
            }
        }
    }

    fn drop_bank(&mut self, account: &str, bank: &Value) -> Value {
        let mut stub = self.remove(id_of(bank));
        stub["currency"] = bank["currency"].clone();
        self.show_banks(account);
        self.emit(account, "account.external_account.deleted", bank);
        stub
    }

    fn bank_ids(&self, account: &str) -> Vec<String> {
        let all = self.list(account, "bank_account", None);
        all.iter().map(|(_, id)| id.clone()).collect()
    }

    /// Writes an account's banks into it, where Stripe shows them; the default comes first.
    pub fn show_banks(&mut self, account: &str) {
        let ids = self.bank_ids(account);
        let mut banks: Vec<Value> = ids.iter().filter_map(|id| self.any(id)).cloned().collect();
        banks.sort_by_key(|bank| bank["default_for_currency"] != true);
        let list = whole_list(&format!("/v1/accounts/{account}/external_accounts"), banks);
        self.edit(account, |account| account["external_accounts"] = list);
    }
}
