#include "adapters/blob/s3_xml.h"

#include <gtest/gtest.h>

namespace muster::adapters {
namespace {

TEST(S3Xml, ReadsElementsTextAndEntities) {
    const auto root = parse_xml(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<A xmlns=\"x\" b='>'>\n <B>a&lt;b&gt;&amp;"
        "&quot;&apos;&#65;&#x42;&#x20AC;</B><C/><C >two</C ></A>\n");
    ASSERT_TRUE(root.has_value()) << root.error().message();
    EXPECT_EQ(root->name, "A");
    EXPECT_EQ(root->text_of("B"), "a<b>&\"'AB\xE2\x82\xAC");
    ASSERT_EQ(root->children.size(), 3U);
    EXPECT_EQ(root->text_of("C"), "") << "the first of a name";
    EXPECT_EQ(root->children[2].text, "two");
    EXPECT_EQ(root->child("D"), nullptr);
}

TEST(S3Xml, RefusesWhatIsNotWholeOrNotPlain) {
    for (const auto* text : {"",
                             " ",
                             "A",
                             "<",
                             "<A",
                             "<A>",
                             "<A></B>",
                             "<A></A",
                             "<A/><B/>",
                             "<A/>x",
                             "<A><B></A></B>",
                             "<A b></A>",
                             "<A b=\"></A>",
                             "<A b=\"<\"></A>",
                             "<Ab=\"1\"c=\"2\"/>",
                             "<A b=\"1\"c=\"2\"/>",
                             "<A>&unknown;</A>",
                             "<A>&</A>",
                             "<A>&#;</A>",
                             "<A>&#x;</A>",
                             "<A>&#xD800;</A>",
                             "<A>&#0;</A>",
                             "<A>&#x110000;</A>",
                             "<A>&#99999999999;</A>",
                             "<A>&x65;</A>",
                             "<A>&;</A>",
                             "<A>\x01</A>",
                             "<!DOCTYPE A><A/>",
                             "<A><!-- c --></A>",
                             "<A><![CDATA[x]]></A>",
                             "<?xml version=\"1.0\"",
                             "<a><b><c><d><e><f><g><h><i><j><k/></j></i></h></g></f></e></d>"
                             "</c></b></a>"}) {
        const auto root = parse_xml(text);
        ASSERT_FALSE(root.has_value()) << text;
        EXPECT_EQ(root.error().code(), Errc::kUnavailable);
    }
}

TEST(S3Xml, ReadsAPageOfAList) {
    const auto page = read_list_page(
        "<ListBucketResult><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>t/+=</NextContinuationToken><Contents><Key>a&amp;b</Key>"
        "<Size>18446744073709551615</Size></Contents><Contents><Size>0</Size><Key>c</Key></"
        "Contents>"
        "</ListBucketResult>");
    ASSERT_TRUE(page.has_value()) << page.error().message();
    EXPECT_EQ(page->next, "t/+=");
    ASSERT_EQ(page->objects.size(), 2U);
    EXPECT_EQ(page->objects[0], (S3ListPage::Object{"a&b", 18446744073709551615U}));
}

TEST(S3Xml, RefusesAPageThatDoesNotSayAllItMust) {
    for (const auto* text :
         {"<Other><IsTruncated>false</IsTruncated></Other>", "<ListBucketResult/>",
          "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
          "<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>"
          "</ListBucketResult>",
          "<ListBucketResult><KeyCount>x</KeyCount><IsTruncated>false</IsTruncated>"
          "</ListBucketResult>",
          "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key>"
          "<Size>-1</Size></Contents></ListBucketResult>",
          "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key/><Size>1</Size>"
          "</Contents></ListBucketResult>"}) {
        EXPECT_FALSE(read_list_page(text).has_value()) << text;
    }
}

TEST(S3Xml, ReadsUploadsAndProblems) {
    EXPECT_EQ(read_upload_id("<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                             "</InitiateMultipartUploadResult>")
                  .value(),
              "u");
    EXPECT_FALSE(read_upload_id("<InitiateMultipartUploadResult/>").has_value());
    EXPECT_FALSE(read_upload_id("<Error><UploadId>u</UploadId></Error>").has_value());
    const auto problem = read_problem("<Error><Code>C</Code><Message>M</Message></Error>");
    EXPECT_EQ(problem.code + problem.message + problem.region, "CM");
    EXPECT_TRUE(read_problem("<html>").code.empty());
    EXPECT_TRUE(read_problem("<Other><Code>C</Code></Other>").code.empty());
}

}  // namespace
}  // namespace muster::adapters
