//! Values as Postgres has them: ids, moments, text, absent ones.

use std::borrow::Cow;

use jiff::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type};
use uuid::Uuid;

/// A `uuid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) Uuid);

/// A `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

/// `NULL`, whatever the column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absent;

/// The numbers that Postgres has given its own types, for good.
mod oid {
    pub(super) const UNKNOWN: u32 = 705;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const TIMESTAMPTZ_ARRAY: u32 = 1185;
    pub(super) const UUID: u32 = 2950;
    pub(super) const UUID_ARRAY: u32 = 2951;
}

const fn builtin(number: u32) -> PgTypeInfo {
    PgTypeInfo::with_oid(Oid(number))
}

impl Type<Postgres> for Id {
    fn type_info() -> PgTypeInfo {
        builtin(oid::UUID)
    }
}

impl PgHasArrayType for Id {
    fn array_type_info() -> PgTypeInfo {
        builtin(oid::UUID_ARRAY)
    }
}

impl Encode<'_, Postgres> for Id {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Id {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => Ok(Self(Uuid::from_slice(value.as_bytes()?)?)),
            PgValueFormat::Text => Ok(Self(value.as_str()?.parse()?)),
        }
    }
}

/// 2000-01-01 in microseconds since 1970: what Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        builtin(oid::TIMESTAMPTZ)
    }
}

impl PgHasArrayType for Moment {
    fn array_type_info() -> PgTypeInfo {
        builtin(oid::TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&(self.0.as_microsecond() - POSTGRES_EPOCH).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for Moment {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        Ok(Self(Timestamp::from_microsecond(micros.saturating_add(POSTGRES_EPOCH))?))
    }
}

impl Type<Postgres> for Absent {
    fn type_info() -> PgTypeInfo {
        builtin(oid::UNKNOWN)
    }
}

impl Encode<'_, Postgres> for Absent {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

/// Text of a row as it can be stored: Postgres has no NUL in text. NUL and U+0001 become two characters, U+0001 and one that
/// tells them apart; order and equality stay as they are.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte <= 1) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
}

/// Text of a row back from how it was stored.
pub(super) fn restored(text: String) -> String {
    if !text.bytes().any(|byte| byte == 1) {
        return text;
    }
    text.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_order_and_comes_back() {
        let texts = ["", "\0", "\0\0", "\0\u{1}", "\0a", "\u{1}", "\u{1}\0", "\u{1}\u{1}\u{2}", "\u{2}", "a", "a\0b"];
        assert!(texts.is_sorted());
        let stored: Vec<_> = texts.iter().map(|text| storable(text).into_owned()).collect();
        assert!(stored.is_sorted(), "{stored:?}");
        assert!(stored.iter().all(|text| !text.contains('\0')));
        assert!(stored.into_iter().map(restored).eq(texts));
    }
}
