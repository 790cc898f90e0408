#include "adapter/label_selector.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "adapter/label_value.h"

namespace leadline {
namespace {

enum class Token {
  kEnd,
  kIdentifier,  // `in` and `notin` too: only parse_operator reads them as keywords
  kComma,
  kNot,
  kOpen,
  kClose,
  kOperator,  // = == != > <
};

struct Item {
  Token token = Token::kEnd;
  std::string_view text;
  std::size_t position = 0;
};

constexpr std::string_view kSpecial = "=!(),><";
constexpr std::string_view kSpace = " \t\r\n";

Token token_of(std::string_view symbol) {
  if (symbol == ",") return Token::kComma;
  if (symbol == "!") return Token::kNot;
  if (symbol == "(") return Token::kOpen;
  if (symbol == ")") return Token::kClose;
  return Token::kOperator;
}

// The longest symbol wins: `==` and `!=` are one token, `=!` is two.
std::size_t symbol_size(std::string_view text) {
  return text.starts_with("==") || text.starts_with("!=") ? 2 : 1;
}

std::vector<Item> scan(std::string_view text) {
  std::vector<Item> items;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(kSpace, at)) != std::string_view::npos) {
    const std::string_view rest = text.substr(at);
    const bool special = kSpecial.find(rest.front()) != std::string_view::npos;
    const std::size_t size =
        special ? symbol_size(rest) : std::min(rest.find_first_of("=!(),>< \t\r\n"), rest.size());
    const std::string_view symbol = rest.substr(0, size);
    items.push_back({special ? token_of(symbol) : Token::kIdentifier, symbol, at});
    at += size;
  }
  items.push_back({Token::kEnd, "", text.size()});
  return items;
}

// One label of a DNS-1123 sub-domain: lower case, digits, inner dashes.
bool is_dns_label(std::string_view label) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !label.empty() && plain(label.front()) && plain(label.back()) &&
         std::ranges::all_of(label, [&](char c) { return plain(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view name) {
  if (name.size() > 253) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    if (!is_dns_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_label_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash != std::string_view::npos) {
    if (!is_dns_subdomain(key.substr(0, slash))) return false;
    key.remove_prefix(slash + 1);
  }
  return !key.empty() && is_label_value(key);
}

std::optional<std::int64_t> integer(std::string_view text) {
  if (text.starts_with('+')) {  // Go's ParseInt takes a sign, from_chars only a minus
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<SelectorOperator> operator_of(std::string_view text) {
  using enum SelectorOperator;
  if (text == "=") return kEquals;
  if (text == "==") return kDoubleEquals;
  if (text == "!=") return kNotEquals;
  if (text == ">") return kGreaterThan;
  if (text == "<") return kLessThan;
  if (text == "in") return kIn;
  if (text == "notin") return kNotIn;
  return std::nullopt;
}

std::string_view symbol_of(SelectorOperator op) {
  using enum SelectorOperator;
  switch (op) {
    case kEquals:
      return "=";
    case kDoubleEquals:
      return "==";
    case kNotEquals:
      return "!=";
    case kIn:
      return " in ";
    case kNotIn:
      return " notin ";
    case kGreaterThan:
      return ">";
    case kLessThan:
      return "<";
    case kExists:
    case kDoesNotExist:
      break;
  }
  return "";
}

bool is_set_operator(SelectorOperator op) {
  return op == SelectorOperator::kIn || op == SelectorOperator::kNotIn;
}

bool is_ordering(SelectorOperator op) {
  return op == SelectorOperator::kGreaterThan || op == SelectorOperator::kLessThan;
}

tl::unexpected<Error> unexpected_item(const Item& item, std::string_view expected) {
  return fail(Errc::kBadInput, "found '{}', expected: {} (at position {})", item.text, expected,
              item.position);
}

using ValueSet = std::set<std::string, std::less<>>;

class Parser {
 public:
  explicit Parser(std::string_view text) : items_(scan(text)) {}

  [[nodiscard]] Result<LabelSelector> parse();

 private:
  const Item& peek() const { return items_[next_]; }
  // The end is never passed: it is returned again and again.
  const Item& take() { return peek().token == Token::kEnd ? items_.back() : items_[next_++]; }

  [[nodiscard]] Result<Requirement> requirement();
  [[nodiscard]] Result<Requirement> with_values(Requirement requirement);
  [[nodiscard]] Result<ValueSet> exact_value();
  [[nodiscard]] Result<ValueSet> value_list();
  [[nodiscard]] Result<ValueSet> values_to_close();

  std::vector<Item> items_;
  std::size_t next_ = 0;
};

bool starts_requirement(const Item& item) {
  return item.token == Token::kIdentifier || item.token == Token::kNot;
}

Result<LabelSelector> Parser::parse() {
  LabelSelector selector;
  if (peek().token == Token::kEnd) return selector;
  if (!starts_requirement(peek())) {
    return unexpected_item(peek(), "!, identifier, or 'end of string'");
  }
  while (true) {
    auto one = requirement();
    if (!one) return fail(one.error().with_context("unable to parse requirement"));
    selector.requirements.push_back(std::move(*one));
    const Item& separator = take();
    if (separator.token == Token::kEnd) break;
    if (separator.token != Token::kComma) {
      return unexpected_item(separator, "',' or 'end of string'");
    }
    if (!starts_requirement(peek())) return unexpected_item(peek(), "identifier after ','");
  }
  std::ranges::stable_sort(selector.requirements, {}, &Requirement::key);
  return selector;
}

Result<Requirement> Parser::requirement() {
  Requirement requirement;
  const bool negated = peek().token == Token::kNot;
  if (negated) take();
  const Item& key = take();
  if (key.token != Token::kIdentifier) return unexpected_item(key, "identifier");
  if (!is_label_key(key.text)) {
    return fail(Errc::kBadInput,
                "invalid label key \"{}\": [prefix/]name, a DNS sub-domain of at most 253 "
                "characters and at most 63 of A-Za-z0-9-_. that begin and end alphanumeric (at "
                "position {})",
                key.text, key.position);
  }
  requirement.key = key.text;
  if (negated) {  // what follows must be a comma or the end: parse() looks
    requirement.op = SelectorOperator::kDoesNotExist;
    return requirement;
  }
  if (peek().token == Token::kEnd || peek().token == Token::kComma) return requirement;
  const Item& symbol = take();
  const auto op = operator_of(symbol.text);
  if (!op) return unexpected_item(symbol, "in, notin, =, ==, !=, gt, lt");
  requirement.op = *op;
  return with_values(std::move(requirement));
}

Result<Requirement> Parser::with_values(Requirement requirement) {
  const std::size_t position = peek().position;
  const auto values = is_set_operator(requirement.op) ? value_list() : exact_value();
  if (!values) return fail(values.error());
  for (const auto& value : *values) {
    if (is_ordering(requirement.op) && !integer(value)) {
      return fail(Errc::kBadInput,
                  "values[0][{}]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the value must "
                  "be an integer (at position {})",
                  requirement.key, value, position);
    }
    if (!is_label_value(value)) {
      return fail(Errc::kBadInput,
                  "values[0][{}]: Invalid value: \"{}\": a label value is empty or at most 63 of "
                  "A-Za-z0-9-_. that begin and end alphanumeric (at position {})",
                  requirement.key, value, position);
    }
  }
  requirement.values.assign(values->begin(), values->end());
  return requirement;
}

// A dangling operator takes the empty value: `a=` and `a=,b`.
Result<ValueSet> Parser::exact_value() {
  if (peek().token == Token::kEnd || peek().token == Token::kComma) return ValueSet{""};
  const Item& value = take();
  if (value.token != Token::kIdentifier) return unexpected_item(value, "identifier");
  return ValueSet{std::string(value.text)};
}

Result<ValueSet> Parser::value_list() {
  const Item& open = take();
  if (open.token != Token::kOpen) return unexpected_item(open, "'('");
  if (peek().token == Token::kClose) {
    take();
    return ValueSet{""};
  }
  if (peek().token != Token::kIdentifier && peek().token != Token::kComma) {
    return unexpected_item(peek(), "',', ')' or identifier");
  }
  return values_to_close();
}

// Follows Go's parser turn by turn, oddities included: `(,a)`, `(a,)` and `(a,,b)` hold the empty
// value, while `(,,)` and `(a,,)` are errors.
Result<ValueSet> Parser::values_to_close() {
  ValueSet values;
  while (true) {
    const Item& item = take();
    if (item.token == Token::kIdentifier) {
      values.emplace(item.text);
      if (peek().token == Token::kClose) break;
      if (peek().token != Token::kComma) return unexpected_item(peek(), "',' or ')'");
    } else if (item.token == Token::kComma) {
      if (values.empty()) values.emplace("");
      if (peek().token == Token::kClose) {
        values.emplace("");
        break;
      }
      if (peek().token == Token::kComma) {
        take();
        values.emplace("");
      }
    } else {
      return unexpected_item(item, "',', or identifier");
    }
  }
  take();  // the closing parenthesis
  return values;
}

bool ordered(const Requirement& requirement, std::string_view label) {
  const auto have = integer(label);
  const auto want = integer(requirement.values.front());
  if (!have || !want) return false;
  return requirement.op == SelectorOperator::kGreaterThan ? *have > *want : *have < *want;
}

std::string_view expression_operator(SelectorOperator op) {
  using enum SelectorOperator;
  if (op == kExists) return "Exists";
  if (op == kDoesNotExist) return "DoesNotExist";
  return op == kNotIn || op == kNotEquals ? "NotIn" : "In";
}

nlohmann::ordered_json expression(const Requirement& requirement) {
  nlohmann::ordered_json json = {{"key", requirement.key},
                                 {"operator", expression_operator(requirement.op)}};
  if (!requirement.values.empty()) json["values"] = requirement.values;
  return json;
}

}  // namespace

bool Requirement::matches(const Labels& labels) const {
  using enum SelectorOperator;
  const auto label = labels.find(key);
  const bool present = label != labels.end();
  const bool named = present && std::ranges::find(values, label->second) != values.end();
  switch (op) {
    case kEquals:
    case kDoubleEquals:
    case kIn:
      return named;
    case kNotEquals:
    case kNotIn:
      return !named;  // an absent label is unequal too
    case kExists:
      return present;
    case kDoesNotExist:
      return !present;
    case kGreaterThan:
    case kLessThan:
      return present && ordered(*this, label->second);
  }
  return false;
}

std::string Requirement::to_string() const {
  if (op == SelectorOperator::kExists) return key;
  if (op == SelectorOperator::kDoesNotExist) return "!" + key;
  const std::string joined = fmt::format("{}", fmt::join(values, ","));
  if (is_set_operator(op)) return fmt::format("{}{}({})", key, symbol_of(op), joined);
  return fmt::format("{}{}{}", key, symbol_of(op), joined);
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::ranges::all_of(requirements, [&](const auto& one) { return one.matches(labels); });
}

std::string LabelSelector::to_string() const {
  std::vector<std::string> texts;
  texts.reserve(requirements.size());
  for (const auto& one : requirements) texts.push_back(one.to_string());
  return fmt::format("{}", fmt::join(texts, ","));
}

nlohmann::ordered_json LabelSelector::to_json() const {
  if (requirements.empty()) return nullptr;
  auto labels = nlohmann::ordered_json::object();
  auto expressions = nlohmann::ordered_json::array();
  for (const auto& one : requirements) {
    if (is_ordering(one.op)) return nullptr;
    const bool exact =
        one.op == SelectorOperator::kEquals || one.op == SelectorOperator::kDoubleEquals;
    // `a=1,a=2` matches nothing; a second matchLabels entry would overwrite the first and match.
    if (exact && !labels.contains(one.key)) {
      labels[one.key] = one.values.front();
    } else {
      expressions.push_back(expression(one));
    }
  }
  auto json = nlohmann::ordered_json::object();
  if (!labels.empty()) json["matchLabels"] = std::move(labels);
  if (!expressions.empty()) json["matchExpressions"] = std::move(expressions);
  return json;
}

Result<LabelSelector> parse_label_selector(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace leadline
