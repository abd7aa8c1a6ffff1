#include "backup/look/file_view.h"

#include <algorithm>
#include <cstring>

namespace muster::backup {

Result<std::unique_ptr<FileView>> FileView::open(const Repository& repository, BlobCache& blobs,
                                                 std::shared_ptr<const Node> node) {
    std::unique_ptr<FileView> view(new FileView(repository, blobs, std::move(node)));
    const auto& content = view->node_->content;
    view->starts_.reserve(content.size() + 1);
    view->starts_.push_back(0);
    for (const auto& id : content) {
        const auto place = repository.index().find(BlobType::kData, id);
        if (!place) {
            return Error(Errc::kNotFound,
                         "data blob " + id.hex() + " is in no pack that the index knows");
        }
        view->starts_.push_back(view->starts_.back() + place->blob.content_length());
    }
    return view;
}

Result<std::size_t> FileView::read(std::uint64_t offset, ByteSpan into) const {
    if (offset >= size()) {
        return std::size_t{0};
    }
    auto number =
        static_cast<std::size_t>(std::ranges::upper_bound(starts_, offset) - starts_.begin() - 1);
    std::size_t filled = 0;
    for (; filled < into.size() && number < node_->content.size(); ++number) {
        const ObjectId& id = node_->content[number];
        TRY(const auto blob, blobs_.get(id, [&]() -> Result<BlobCache::Loaded> {
            TRY(auto content, repository_.load_blob(BlobType::kData, id));
            const std::size_t cost = content.size() + sizeof(Buffer);
            return BlobCache::Loaded{std::make_shared<const Buffer>(std::move(content)), cost};
        }));
        const auto begin = static_cast<std::size_t>(offset + filled - starts_[number]);
        const std::size_t count = std::min(blob->size() - begin, into.size() - filled);
        std::memcpy(into.data() + filled, blob->data() + begin, count);
        filled += count;
    }
    return filled;
}

}  // namespace muster::backup
