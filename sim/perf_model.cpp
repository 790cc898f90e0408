#include "sim/perf_model.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/ranges.h>

#include "sim/csv.h"

namespace leadline {
namespace {

// Where the columns of interest are, in the order of kColumns.
constexpr std::string_view kColumns[] = {"model",       "hardware",   "tensor_parallel",
                                         "prompt_size", "batch_size", "token_size",
                                         "prompt_time", "token_time"};
enum Column { kModel, kHardware, kParallel, kPrompt, kBatch, kTokens, kPromptTime, kTokenTime };
constexpr std::size_t kColumnCount = std::size(kColumns);

// The table's own base point: it varies one size and holds the others here.
constexpr double kBasePrompt = 512;
constexpr double kBaseBatch = 1;
constexpr double kBaseTokens = 128;

using Repeats = std::map<double, std::vector<double>>;  // size → measured milliseconds

struct Reading {
  Repeats prefill;
  Repeats decode;
  std::set<std::string> row_sets;  // "model hardware tp", for the error message
};

Result<std::vector<std::size_t>> find_columns(std::string_view header) {
  const std::vector<std::string_view> names = split_fields(header);
  std::vector<std::size_t> columns;
  for (const std::string_view wanted : kColumns) {
    const auto at = std::find(names.begin(), names.end(), wanted);
    if (at == names.end()) return fail(Errc::kBadInput, "line 1: no column \"{}\"", wanted);
    columns.push_back(static_cast<std::size_t>(at - names.begin()));
  }
  return columns;
}

// The numbers of one row, by column; nullopt where one is not a positive number.
std::optional<std::vector<double>> parse_numbers(const std::vector<std::string_view>& fields) {
  std::vector<double> numbers(kColumnCount);
  for (std::size_t column = kParallel; column < kColumnCount; ++column) {
    const auto number = parse_number<double>(fields[column]);
    if (!number || *number <= 0) return std::nullopt;
    numbers[column] = *number;
  }
  return numbers;
}

bool take_row(const std::vector<std::string_view>& fields, const PerfRows& rows, Reading& into) {
  const auto numbers = parse_numbers(fields);
  if (!numbers) return false;
  const std::vector<double>& n = *numbers;
  into.row_sets.insert(fmt::format("{} {} tp{}", fields[kModel], fields[kHardware], n[kParallel]));
  const bool ours = fields[kModel] == rows.model && fields[kHardware] == rows.hardware &&
                    n[kParallel] == rows.tensor_parallel && n[kTokens] == kBaseTokens;
  if (ours && n[kBatch] == kBaseBatch) into.prefill[n[kPrompt]].push_back(n[kPromptTime]);
  if (ours && n[kPrompt] == kBasePrompt) into.decode[n[kBatch]].push_back(n[kTokenTime]);
  return true;
}

Result<Reading> read_rows(std::string_view rest, const PerfRows& rows) {
  const auto header = take_line(rest);
  const auto columns = find_columns(header.value_or(""));
  if (!columns) return fail(columns.error());
  const std::size_t width = split_fields(header.value_or("")).size();
  Reading reading;
  for (int number = 2;; ++number) {
    const auto line = take_line(rest);
    if (!line) return reading;
    if (line->empty()) continue;
    const std::vector<std::string_view> all = split_fields(*line);
    if (all.size() != width) return fail(Errc::kBadInput, "line {}: {} fields", number, all.size());
    std::vector<std::string_view> fields;
    for (const std::size_t column : *columns) fields.push_back(all[column]);
    if (!take_row(fields, rows, reading)) {
      return fail(Errc::kBadInput, "line {}: not a positive number in \"{}\"", number, *line);
    }
  }
}

// Five repeats of one size: the third smallest stands for them.
std::vector<PerfPoint> medians(const Repeats& repeats) {
  std::vector<PerfPoint> points;
  for (const auto& [size, measured] : repeats) {
    std::vector<double> sorted = measured;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    const double median =
        sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    points.push_back({size, median / 1000});
  }
  return points;
}

double interpolate(const std::vector<PerfPoint>& points, double size) {
  if (points.size() == 1 || size <= points.front().size) return points.front().seconds;
  auto above = std::lower_bound(points.begin(), points.end(), size,
                                [](const PerfPoint& p, double s) { return p.size < s; });
  if (above == points.end()) --above;
  const PerfPoint& low = *(above - 1);
  const PerfPoint& high = *above;
  const double slope = (high.seconds - low.seconds) / (high.size - low.size);
  // Noise in the last two points must not let a larger batch be faster without end.
  if (size > high.size) return high.seconds + std::max(slope, 0.0) * (size - high.size);
  return low.seconds + slope * (size - low.size);
}

}  // namespace

PerfModel::PerfModel(std::vector<PerfPoint> prefill, std::vector<PerfPoint> decode)
    : prefill_(std::move(prefill)), decode_(std::move(decode)) {
  assert(!prefill_.empty() && !decode_.empty());
}

double PerfModel::prefill_seconds(int prompt_tokens) const {
  return prompt_tokens <= 0 ? 0 : interpolate(prefill_, prompt_tokens);
}

double PerfModel::decode_seconds(int batch_size) const {
  return batch_size <= 0 ? 0 : interpolate(decode_, batch_size);
}

Result<PerfModel> parse_perf_model(std::string_view csv, const PerfRows& rows) {
  const auto reading = read_rows(csv, rows);
  if (!reading) return fail(reading.error().with_context("performance table"));
  if (reading->prefill.empty() || reading->decode.empty()) {
    return fail(Errc::kNotFound, "performance table: no rows for {} {} tp{}; there are: {}",
                rows.model, rows.hardware, rows.tensor_parallel,
                fmt::join(reading->row_sets, ", "));
  }
  return PerfModel(medians(reading->prefill), medians(reading->decode));
}

}  // namespace leadline
