#include "cli/table.h"

#include <algorithm>

namespace muster::cli {

namespace {

// Characters, not bytes: the continuation bytes of UTF-8 take no place.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string_view code_of(Colour colour) {
    switch (colour) {
        case Colour::kGood:
            return "\x1b[32m";
        case Colour::kWarn:
            return "\x1b[33m";
        case Colour::kBad:
            return "\x1b[1;31m";
        case Colour::kBusy:
            return "\x1b[36m";
        case Colour::kSoft:
            return "\x1b[2m";
        case Colour::kPlain:
            break;
    }
    return {};
}

}  // namespace

std::string paint(std::string_view text, Colour colour, bool has_colours) {
    if (!has_colours || colour == Colour::kPlain || text.empty()) {
        return std::string(text);
    }
    return std::string(code_of(colour)) + std::string(text) + "\x1b[0m";
}

Table::Table(std::vector<std::string> headings) {
    auto& row = rows_.emplace_back();
    for (auto& heading : headings) {
        row.push_back({std::move(heading), Colour::kSoft});
    }
}

void Table::add(std::vector<Cell> row) {
    rows_.push_back(std::move(row));
}

std::string Table::render(bool has_colours) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i].text));
        }
    }
    std::string out;
    for (const auto& row : rows_) {
        std::string gap;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i].text.empty()) {
                gap += std::string(widths[i] + 2, ' ');
                continue;
            }
            out += gap + paint(row[i].text, row[i].colour, has_colours);
            gap = std::string(widths[i] - width(row[i].text) + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

}  // namespace muster::cli
