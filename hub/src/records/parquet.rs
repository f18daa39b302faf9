//! Rows of a Parquet file: only the columns that are mapped are read, batch by batch.

use std::fs::File;
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
use serde_json::{Map, Value};

use super::{Columns, Row};
use crate::Error;

/// Calls `each` with every row until it returns false. Columns that are not mapped have their name and no value; without
/// a mapping every column has its value.
pub(super) fn rows(path: &Path, columns: Option<&Columns>, mut each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    let bad = |error: &dyn std::fmt::Display| Error::at(path, format!("not a Parquet file that can be read: {error}"));
    let file = File::open(path).map_err(|error| Error::io(path, "read", &error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| bad(&error))?;
    let wanted = columns.map(Columns::top_level);
    let fields = builder.schema().fields().clone();
    let mut roots = Vec::new();
    let mut others = Map::new();
    for (at, field) in fields.iter().enumerate() {
        if wanted.as_ref().is_none_or(|wanted| wanted.contains(&field.name().as_str())) {
            check(path, field.name(), field.data_type())?;
            roots.push(at);
        } else {
            others.insert(field.name().clone(), Value::Null);
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
            let mut map = object(&table, at);
            map.extend(others.clone());
            if !each(Row { line, value: Ok(map), text: String::new() }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether a column's type has a JSON value.
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

fn object(table: &StructArray, at: usize) -> Map<String, Value> {
    let entry = |(name, column): (&str, &arrow_array::ArrayRef)| (name.to_owned(), value(column, at));
    table.column_names().into_iter().zip(table.columns()).map(entry).collect()
}

/// The value at a position of a column whose type `check` let through.
fn value(column: &dyn Array, at: usize) -> Value {
    if column.is_null(at) {
        return Value::Null;
    }
    let list = |items: arrow_array::ArrayRef| (0..items.len()).map(|at| value(&items, at)).collect();
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(at).into(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(at).into(),
        DataType::Utf8View => column.as_string_view().value(at).into(),
        DataType::Boolean => column.as_boolean().value(at).into(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(at).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(at).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(at).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(at).into(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(at).into(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(at).into(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(at).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(at).into(),
        DataType::Float16 => column.as_primitive::<Float16Type>().value(at).to_f64().into(),
        DataType::Float32 => f64::from(column.as_primitive::<Float32Type>().value(at)).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(at).into(),
        DataType::List(_) => Value::Array(list(column.as_list::<i32>().value(at))),
        DataType::LargeList(_) => Value::Array(list(column.as_list::<i64>().value(at))),
        DataType::Struct(_) => Value::Object(object(column.as_struct(), at)),
        _ => Value::Null,
    }
}
