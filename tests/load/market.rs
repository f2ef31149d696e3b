//! Who is there to buy, and what.

use std::time::Duration;

use e2e::Dice;
use e2e::insist::{Insisting, Person};
use serde_json::json;

/// Title, price and stock: much of it, little of it, some that the provider declines (its price ends with .13).
const PRODUCTS: [(&str, &str, u32); 5] = [
    ("pen", "20.00", 500_000),
    ("ink", "7.50", 500_000),
    ("vase", "15.00", 40),
    ("globe", "45.00", 25),
    ("lamp", "30.13", 500_000),
];

/// What a customer may owe, by turns: some are refused credit soon, some hardly ever.
const LIMITS: [&str; 3] = ["300.00", "2000.00", "50000.00"];

const CUSTOMERS: usize = 6;

/// A customer.
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) person: Person,
}

/// Customers and products, and the clerk.
pub(crate) struct Market {
    pub(crate) insisting: Insisting,
    pub(crate) clerk: Person,
    pub(crate) customers: Vec<Customer>,
    /// Their ids.
    pub(crate) products: Vec<String>,
}

impl Market {
    /// Registers and adds all of them, and waits until orders can be placed.
    pub(crate) async fn open(insisting: Insisting, mut dice: Dice) -> Self {
        let clerk = insisting.person("clara", &["clerk"], None).await;
        let mut customers = Vec::new();
        for number in 0..CUSTOMERS {
            let name = format!("customer{number}");
            let limit = LIMITS[number % LIMITS.len()];
            let email = format!("{name}-{:x}@example.com", dice.roll());
            let body = json!({ "name": name, "email": email, "limit": limit });
            let reply = insisting.command(&clerk, &format!("register-{number}"), "/customers", &body).await;
            let id = reply.expect_status(201).id();
            customers.push(Customer { person: insisting.person(&name, &["customer"], Some(&id)).await, id });
        }
        let mut products = Vec::new();
        for (title, price, stock) in PRODUCTS {
            let body = json!({ "title": title, "price": price, "stock": stock });
            let reply = insisting.command(&clerk, &format!("add-{title}"), "/products", &body).await;
            products.push(reply.expect_status(201).id());
        }
        let market = Self { insisting, clerk, customers, products };
        market.wait_for_prices().await;
        market
    }

    /// The orders service follows the catalog within moments: until then it refuses orders, each under its key for good.
    async fn wait_for_prices(&self) {
        for (number, product) in self.products.iter().enumerate() {
            for tries in 0.. {
                let body = json!({ "items": [{ "product": product, "quantity": 1 }] });
                let key = format!("scout-{number}-{tries}");
                let reply = self.insisting.command(&self.customers[2].person, &key, "/orders", &body).await;
                if reply.status == 201 {
                    break;
                }
                assert!(reply.status == 422 && tries < 2_000, "an order of {product} was answered {reply:?}");
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
    }
}
