// The drawing: one band per service, one column per site that runs something. In a column the
// service's components stand in layers, users' side on top, each above what it needs.

#include <algorithm>
#include <iterator>
#include <map>

#include "plan/graph.h"
#include "plan/layout.h"

namespace muster::plan {
namespace {

constexpr int kMargin = 24;
constexpr int kBoxWidth = 132;
constexpr int kBoxHeight = 44;
constexpr int kGapX = 20;
constexpr int kGapY = 32;
constexpr int kTitle = 44;      ///< The plan's name.
constexpr int kHead = 34;       ///< A service's headline.
constexpr int kPlaceHead = 28;  ///< "east · primary" over the boxes.
constexpr int kPad = 16;
constexpr int kFoot = 40;
constexpr int kLetter = 7;  ///< Width of a letter at 12 px, roughly.

constexpr std::string_view kStyle =
    "text{font-family:'DejaVu Sans',Verdana,sans-serif;font-size:12px;fill:#1f2933}"
    ".title{font-size:18px;font-weight:bold}.head{font-size:13px;font-weight:bold}"
    ".small{font-size:11px;fill:#52606d}.band{fill:#f5f7fa;stroke:#cbd2d9}"
    ".primary{fill:#e3f9e5;stroke:#3ebd93}.standby{fill:#e6f0fb;stroke:#7ba7d7}"
    ".box{fill:#ffffff;stroke:#52606d}.needs{fill:none;stroke:#52606d;stroke-width:1.2}"
    ".arbiter{fill:#fff8e1;stroke:#c99a2e}";

std::string escape(std::string_view text) {
    static const std::map<char, std::string> kEntities{
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    std::string out;
    for (const char c : text) {
        const auto entity = kEntities.find(c);
        if (entity != kEntities.end()) {
            out += entity->second;
        } else {
            out += static_cast<unsigned char>(c) < 0x20U ? ' ' : c;
        }
    }
    return out;
}

/// The text cut to what fits into `width` pixels.
std::string fit(const std::string& text, int width) {
    const auto most = static_cast<std::size_t>(std::max(width / kLetter, 2));
    std::size_t letters = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_start = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
        if (is_start && ++letters > most) {
            return text.substr(0, i) + "…";
        }
    }
    return text;
}

struct Point {
    int x = 0;
    int y = 0;
};

struct Size {
    int width = 0;
    int height = 0;
};

struct Label {
    std::string_view style;
    std::string text;
    bool is_centred = false;
};

class Canvas {
  public:
    void rectangle(std::string_view style, Point at, Size size) {
        body_ += "<rect class=\"" + std::string(style) + "\" x=\"" + number(at.x) + "\" y=\"" +
                 number(at.y) + "\" width=\"" + number(size.width) + "\" height=\"" +
                 number(size.height) + "\" rx=\"6\"/>\n";
    }
    void text(const Label& label, Point at) {
        body_ += "<text class=\"" + std::string(label.style) + "\" x=\"" + number(at.x) +
                 "\" y=\"" + number(at.y) + "\"" +
                 (label.is_centred ? " text-anchor=\"middle\"" : "") + ">" + escape(label.text) +
                 "</text>\n";
    }
    void arrow(Point from, Point to) {
        const int middle = (from.y + to.y) / 2;
        body_ += "<path class=\"needs\" marker-end=\"url(#tip)\" d=\"M" + number(from.x) + " " +
                 number(from.y) + " C" + number(from.x) + " " + number(middle) + " " +
                 number(to.x) + " " + number(middle) + " " + number(to.x) + " " + number(to.y - 2) +
                 "\"/>\n";
    }
    [[nodiscard]] std::string document(Size size, const std::string& title) const {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(size.width) +
               " " + number(size.height) + "\" width=\"" + number(size.width) + "\" height=\"" +
               number(size.height) + "\" role=\"img\">\n<title>" + escape(title) +
               "</title>\n<style>" + std::string(kStyle) +
               "</style>\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
               "markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" "
               "fill=\"#52606d\"/></marker></defs>\n"
               "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" +
               body_ + "</svg>\n";
    }

  private:
    static std::string number(int value) { return std::to_string(value); }
    std::string body_;
};

class Drawing {
  public:
    explicit Drawing(const Plan& plan) : plan_(plan) { place_columns(); }

    std::string draw();

  private:
    void place_columns();
    void draw_service(const Service& service);
    void draw_place(const Service& service, std::size_t place, int top);
    void draw_box(const Component& component, bool is_primary, Point at);
    void draw_foot();
    [[nodiscard]] int width() const { return std::max(width_, 480); }

    struct Column {
        int left = 0;
        int width = 0;
    };

    const Plan& plan_;
    Canvas canvas_;
    std::map<SiteId, Column> columns_;
    int width_ = 0;
    int bottom_ = kMargin + kTitle;
    std::size_t drawn_ = 0;
    std::size_t left_out_ = 0;
};

/// Boxes of the widest layer of `service` at `site`.
std::size_t widest_layer(const Service& service, const SiteId& site) {
    std::size_t widest = 1;
    for (const auto& layer : layers_of(service)) {
        const auto count = std::ranges::count_if(
            layer, [&](std::size_t index) { return is_at(service.components[index], site); });
        widest = std::max(widest, static_cast<std::size_t>(count));
    }
    return widest;
}

void Drawing::place_columns() {
    std::map<SiteId, std::size_t> boxes;
    for (const auto& service : plan_.services) {
        for (const auto& site : places_of(service)) {
            boxes[site] = std::max(boxes[site], widest_layer(service, site));
        }
    }
    int left = kMargin + kPad;
    for (const auto& site : plan_.sites) {  // in file order
        const auto found = boxes.find(site.id);
        if (found == boxes.end()) {
            continue;
        }
        const int count = static_cast<int>(std::min(found->second, kMaxDrawn));
        const int wide = 2 * kPad + count * kBoxWidth + (count - 1) * kGapX;
        columns_[site.id] = {left, std::max(wide, 2 * kPad + kBoxWidth + kGapX)};
        left += columns_[site.id].width + kGapX;
    }
    width_ = left - kGapX + kPad + kMargin;
}

void Drawing::draw_box(const Component& component, bool is_primary, Point at) {
    canvas_.rectangle("box", at, {kBoxWidth, kBoxHeight});
    const int centre = at.x + kBoxWidth / 2;
    canvas_.text({"", fit(component.id.str(), kBoxWidth - 8), true}, {centre, at.y + 18});
    std::string detail = component.kind;
    if (component.capacity) {
        detail += " × " + std::to_string(is_primary ? component.capacity->normal
                                                    : component.capacity->standby);
    }
    canvas_.text({"small", fit(detail, kBoxWidth - 8), true}, {centre, at.y + 34});
}

void Drawing::draw_place(const Service& service, std::size_t place, int top) {
    const SiteId site = places_of(service)[place];
    const auto column = columns_.find(site);
    if (column == columns_.end()) {
        return;
    }
    const auto layers = layers_of(service);
    const int rows = static_cast<int>(layers.size());
    const int height = kPlaceHead + rows * kBoxHeight + (rows - 1) * kGapY + kPad;
    const auto [left, wide] = column->second;
    canvas_.rectangle(place == 0 ? "primary" : "standby", {left, top}, {wide, height});
    canvas_.text(
        {"small", fit(site.str() + (place == 0 ? " · primary" : " · standby"), wide - kPad)},
        {left + kPad, top + 18});
    std::map<std::size_t, Point> boxes;
    for (int row = 0; row < rows; ++row) {
        std::vector<std::size_t> members;
        std::ranges::copy_if(layers[static_cast<std::size_t>(row)], std::back_inserter(members),
                             [&](auto i) { return is_at(service.components[i], site); });
        const int count = static_cast<int>(members.size());
        int x = left + (wide - count * kBoxWidth - (count - 1) * kGapX) / 2;
        for (const auto member : members) {
            if (drawn_ >= kMaxDrawn) {
                ++left_out_;
                continue;
            }
            boxes[member] = {x, top + kPlaceHead + row * (kBoxHeight + kGapY)};
            draw_box(service.components[member], place == 0, boxes[member]);
            x += kBoxWidth + kGapX;
            ++drawn_;
        }
    }
    for (const auto& [index, at] : boxes) {
        for (const auto needed : needs_of(service, index)) {
            if (const auto to = boxes.find(needed); to != boxes.end()) {
                canvas_.arrow({at.x + kBoxWidth / 2, at.y + kBoxHeight},
                              {to->second.x + kBoxWidth / 2, to->second.y});
            }
        }
    }
}

void Drawing::draw_service(const Service& service) {
    const int rows = static_cast<int>(layers_of(service).size());
    const int place = kPlaceHead + rows * kBoxHeight + (rows - 1) * kGapY + kPad;
    const int height = kHead + place + kPad + (service.depends_on.empty() ? 0 : kPad);
    canvas_.rectangle("band", {kMargin, bottom_}, {width() - 2 * kMargin, height});
    canvas_.text({"head", fit(headline(service), width() - 2 * kMargin - 2 * kPad)},
                 {kMargin + kPad, bottom_ + 22});
    int top = bottom_ + kHead;
    if (!service.depends_on.empty()) {
        std::string names;
        for (const auto& other : service.depends_on) {
            names += (names.empty() ? "" : ", ") + other.str();
        }
        canvas_.text({"small", fit("depends on " + names, width() - 2 * kMargin - 2 * kPad)},
                     {kMargin + kPad, bottom_ + 38});
        top += kPad;
    }
    for (std::size_t i = 0; i < places_of(service).size(); ++i) {
        draw_place(service, i, top);
    }
    bottom_ += height + kGapX;
}

void Drawing::draw_foot() {
    int x = kMargin;
    for (const auto& site : plan_.sites) {
        if (!site.is_arbiter) {
            continue;
        }
        const std::string label = fit(site.id.str() + " · arbiter: votes only", 220);
        const int wide = static_cast<int>(label.size()) * kLetter + kPad;
        if (x > kMargin && x + wide > width() - kMargin) {
            x = kMargin;
            bottom_ += kFoot;
        }
        canvas_.rectangle("arbiter", {x, bottom_}, {wide, 26});
        canvas_.text({"small", label}, {x + kPad / 2, bottom_ + 17});
        x += wide + kGapX / 2;
    }
    bottom_ += x > kMargin ? kFoot : 0;
    if (left_out_ > 0) {
        canvas_.text({"small", std::to_string(left_out_) + " more boxes are not drawn"},
                     {kMargin, bottom_ + 8});
        bottom_ += kFoot;
    }
}

std::string Drawing::draw() {
    canvas_.text({"title", fit(plan_.name, width() - 2 * kMargin)}, {kMargin, kMargin + 20});
    for (const auto& service : plan_.services) {
        draw_service(service);
    }
    draw_foot();
    return canvas_.document({width(), bottom_ + kMargin - kGapX / 2}, "plan " + plan_.name);
}

}  // namespace

std::string to_svg(const Plan& plan) {
    return Drawing(plan).draw();
}

}  // namespace muster::plan
