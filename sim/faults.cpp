#include "sim/faults.h"

#include <algorithm>
#include <cstddef>
#include <variant>

#include <nlohmann/json.hpp>

#include "sim/engine_page.h"

namespace leadline {
namespace {

using nlohmann::json;

constexpr int kMaxBytes = 64 << 20;  // the largest page asked for in tests is 22 MB

struct IntField {
  int Faults::* member;
  int max;
};
using Member = std::variant<IntField, bool Faults::*, std::string Faults::*>;

struct Field {
  std::string_view key;
  Member member;
};

const Field kFields[] = {
    {"slow_page_ms", IntField{&Faults::slow_page_ms, 600'000}},
    {"page_status", IntField{&Faults::page_status, 599}},
    {"garbage_page", &Faults::garbage_page},
    {"truncate_page", IntField{&Faults::truncate_page, kMaxBytes}},
    {"cut_page", IntField{&Faults::cut_page, kMaxBytes}},
    {"page_bytes", IntField{&Faults::page_bytes, kMaxBytes}},
    {"huge_label_bytes", IntField{&Faults::huge_label_bytes, kMaxBytes}},
    {"content_type", &Faults::content_type},
    {"model_name", &Faults::model_name},
    {"become", &Faults::become},
    {"hang", &Faults::hang},
    {"freeze", &Faults::freeze},
    {"restart", &Faults::restart},
};

bool set_member(const IntField& field, const json& value, Faults& faults) {
  if (!value.is_number_integer() || value < 0 || value > field.max) return false;
  faults.*field.member = value.get<int>();
  return true;
}

bool set_member(bool Faults::* member, const json& value, Faults& faults) {
  if (!value.is_boolean()) return false;
  faults.*member = value.get<bool>();
  return true;
}

bool set_member(std::string Faults::* member, const json& value, Faults& faults) {
  if (!value.is_string()) return false;
  faults.*member = value.get<std::string>();
  return true;
}

json member_value(const IntField& field, const Faults& faults) {
  return faults.*field.member;
}
json member_value(bool Faults::* member, const Faults& faults) {
  return faults.*member;
}
json member_value(std::string Faults::* member, const Faults& faults) {
  return faults.*member;
}

Result<void> set_key(std::string_view key, const json& value, Faults& faults) {
  const auto field = std::find_if(std::begin(kFields), std::end(kFields),
                                  [key](const Field& f) { return f.key == key; });
  if (field == std::end(kFields)) return fail(Errc::kBadInput, "unknown fault \"{}\"", key);
  const bool fits =
      std::visit([&](auto member) { return set_member(member, value, faults); }, field->member);
  if (!fits) return fail(Errc::kBadInput, "{}: bad value {}", key, value.dump());
  return {};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Samples of 1 KB each, like the page of a real engine with very many series.
void pad_page(std::string& page, std::size_t size) {
  if (page.size() >= size) return;
  page.reserve(size + 2048);
  page += "# HELP sim_padding Samples that only take room.\n# TYPE sim_padding gauge\n";
  const std::string fill(960, 'x');
  for (int series = 0; page.size() < size; ++series) {
    page += "sim_padding{series=\"" + std::to_string(series) + "\",fill=\"" + fill + "\"} 1.0\n";
  }
}

}  // namespace

Result<Faults> with_changes(const Faults& current, std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return fail(Errc::kBadInput, "faults: not a JSON object");
  Faults faults = current;
  for (const auto& [key, value] : object.items()) {
    const auto set = set_key(key, value, faults);
    if (!set) return fail(set.error().with_context("faults"));
  }
  if (faults.become != "other" && find_engine_page(faults.become) == nullptr) {
    return fail(Errc::kBadInput, "faults: become: \"{}\" is no engine and not other",
                faults.become);
  }
  return faults;
}

std::string to_json(const Faults& faults) {
  json object;
  for (const Field& field : kFields) {
    object[std::string(field.key)] =
        std::visit([&](auto member) { return member_value(member, faults); }, field.member);
  }
  return object.dump();
}

std::string spoil_page(const Faults& faults, std::string page) {
  if (faults.garbage_page) return "<html>\x01\xff {{{ not an exposition \"\n= = =\n}}} NaN NaN\n";
  if (faults.become == "other") replace_all(page, "vllm:", "other_engine_");
  if (faults.page_bytes > 0) pad_page(page, static_cast<std::size_t>(faults.page_bytes));
  return page;
}

}  // namespace leadline
