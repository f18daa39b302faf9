//! Rows of a Parquet file. Only the mapped columns are read, batch by batch.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, StructArray};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pbpo_outside::file::{self, limit};

use super::{Cell, Fault, Field, Row};
use crate::Error;
use crate::json::Json;

/// Calls `each` with every row until it returns false. Columns that are not wanted have a name but no value; without
/// `wanted`, every column has its value. A row with a NaN or an infinite number is bad.
pub(super) fn rows(path: &Path, wanted: Option<&[&str]>, mut each: impl FnMut(Row<'_>) -> bool) -> Result<(), Error> {
    let bad = |error: &dyn std::fmt::Display| Error::at(path, format!("not a Parquet file that can be read: {error}"));
    let file = file::open(path, limit::LINES).map_err(|refused| Error::refused(path, &refused))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| bad(&error))?;
    let fields = builder.schema().fields().clone();
    let mut roots = Vec::new();
    let mut others = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        if wanted.as_ref().is_none_or(|wanted| wanted.contains(&field.name().as_str())) {
            check(path, field.name(), field.data_type())?;
            roots.push(at);
        } else {
            others.push(field.name().clone());
        }
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder.with_projection(mask).build().map_err(|error| bad(&error))?;
    let mut line = 0;
    for batch in reader {
        let batch = batch.map_err(|error| bad(&error))?;
        let table = StructArray::from(batch);
        for at in 0..table.len() {
            line += 1;
            let field = |(name, value)| Field { name, at: 1, value: Cell::Value(value) };
            let fields = object(&table, at).map(|found| {
                let others = others.iter().map(|name| (name.clone(), Json::Null));
                found.into_iter().chain(others).map(field).collect()
            });
            if !each(Row { line, fields: fields.map_err(|message| Fault::at(1, message)) }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Returns an error if a column's type has no JSON value.
fn check(path: &Path, name: &str, kind: &DataType) -> Result<(), Error> {
    use DataType::{
        Boolean, Float16, Float32, Float64, Int8, Int16, Int32, Int64, LargeList, LargeUtf8, List, Null, Struct, UInt8,
        UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    match kind {
        Utf8 | LargeUtf8 | Utf8View | Boolean | Null | Float16 | Float32 | Float64 => Ok(()),
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Ok(()),
        List(field) | LargeList(field) => check(path, name, field.data_type()),
        Struct(fields) => fields.iter().try_for_each(|field| check(path, name, field.data_type())),
        other => Err(Error::at(path, format!("column `{name}` holds {other}, which no field of a record can"))
            .help("map another column, or convert this one to strings, numbers, or lists of messages")),
    }
}

fn object(table: &StructArray, at: usize) -> Result<Vec<(String, Json)>, String> {
    let entry = |(name, column): (&str, &arrow_array::ArrayRef)| {
        let value = value(column, at).map_err(|message| format!("`{name}`: {message}"))?;
        Ok((name.to_owned(), value))
    };
    table.column_names().into_iter().zip(table.columns()).map(entry).collect()
}

/// Returns the value at a position of a column whose type `check` accepted.
fn value(column: &dyn Array, at: usize) -> Result<Json, String> {
    if column.is_null(at) {
        return Ok(Json::Null);
    }
    let list = |items: arrow_array::ArrayRef| -> Result<Json, String> {
        (0..items.len()).map(|at| value(&items, at)).collect::<Result<_, _>>().map(Json::List)
    };
    let whole = |number: serde_json::Number| Ok(Json::Number(number));
    let float = |number: f64| {
        let finite = serde_json::Number::from_f64(number).map(Json::Number);
        finite.ok_or_else(|| format!("{number} is no number that can be used: write null"))
    };
    match column.data_type() {
        DataType::Utf8 => Ok(column.as_string::<i32>().value(at).into()),
        DataType::LargeUtf8 => Ok(column.as_string::<i64>().value(at).into()),
        DataType::Utf8View => Ok(column.as_string_view().value(at).into()),
        DataType::Boolean => Ok(Json::Bool(column.as_boolean().value(at))),
        DataType::Int8 => whole(column.as_primitive::<Int8Type>().value(at).into()),
        DataType::Int16 => whole(column.as_primitive::<Int16Type>().value(at).into()),
        DataType::Int32 => whole(column.as_primitive::<Int32Type>().value(at).into()),
        DataType::Int64 => whole(column.as_primitive::<Int64Type>().value(at).into()),
        DataType::UInt8 => whole(column.as_primitive::<UInt8Type>().value(at).into()),
        DataType::UInt16 => whole(column.as_primitive::<UInt16Type>().value(at).into()),
        DataType::UInt32 => whole(column.as_primitive::<UInt32Type>().value(at).into()),
        DataType::UInt64 => whole(column.as_primitive::<UInt64Type>().value(at).into()),
        DataType::Float16 => float(column.as_primitive::<Float16Type>().value(at).to_f64()),
        DataType::Float32 => float(f64::from(column.as_primitive::<Float32Type>().value(at))),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(at)),
        DataType::List(_) => list(column.as_list::<i32>().value(at)),
        DataType::LargeList(_) => list(column.as_list::<i64>().value(at)),
        DataType::Struct(_) => {
            object(column.as_struct(), at).map(|entries| Json::Object(entries.into_iter().collect()))
        }
        other => Err(format!("a value of {other}")),
    }
}
