package cairn.server.rbin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.AwsUser;
import cairn.server.SetClock;
import cairn.server.TestStore;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.rbin.RbinClient;
import software.amazon.awssdk.services.rbin.model.ConflictException;
import software.amazon.awssdk.services.rbin.model.CreateRuleResponse;
import software.amazon.awssdk.services.rbin.model.GetRuleResponse;
import software.amazon.awssdk.services.rbin.model.ListRulesResponse;
import software.amazon.awssdk.services.rbin.model.LockConfiguration;
import software.amazon.awssdk.services.rbin.model.LockState;
import software.amazon.awssdk.services.rbin.model.RbinException;
import software.amazon.awssdk.services.rbin.model.ResourceNotFoundException;
import software.amazon.awssdk.services.rbin.model.ResourceTag;
import software.amazon.awssdk.services.rbin.model.ResourceType;
import software.amazon.awssdk.services.rbin.model.RetentionPeriod;
import software.amazon.awssdk.services.rbin.model.RuleSummary;
import software.amazon.awssdk.services.rbin.model.Tag;
import software.amazon.awssdk.services.rbin.model.ValidationException;

/** Through the AWS SDK and the AWS CLI, to a real server. */
class RbinDoorTest {
    private static final RetentionPeriod WEEK =
            RetentionPeriod.builder().retentionPeriodValue(7).retentionPeriodUnit("DAYS").build();

    @TempDir
    private Path folder;

    private final SetClock clock = new SetClock();
    private TestStore store;
    private AwsUser user;
    private RbinClient rbin;

    @BeforeEach
    void start() throws Exception {
        store = new TestStore(folder.resolve("data"), clock);
        user = store.newAccount("us").user();
        rbin = user.rbin();
    }

    @AfterEach
    void stop() {
        rbin.close();
        store.close();
    }

    @Test
    void aRuleIsMadeReadChangedAndDeleted() {
        CreateRuleResponse made = rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE)
                .retentionPeriod(WEEK)
                .description("golden images")
                .resourceTags(tag("team", "ci"))
                .tags(Tag.builder().key("owner").value("ops").build()));
        assertTrue(made.identifier().matches("[0-9A-Za-z]{11}"), made.identifier());
        assertEquals("available", made.statusAsString());
        assertEquals(List.of(Tag.builder().key("owner").value("ops").build()), made.tags());

        GetRuleResponse read = rbin.getRule(r -> r.identifier(made.identifier()));
        assertEquals(WEEK, read.retentionPeriod());
        assertEquals("golden images", read.description());
        assertEquals(List.of(tag("team", "ci")), read.resourceTags());
        assertEquals(ResourceType.EC2_IMAGE, read.resourceType());
        assertEquals(made.ruleArn(), read.ruleArn());
        assertNull(read.lockState());

        rbin.updateRule(r -> r.identifier(made.identifier())
                .retentionPeriod(RetentionPeriod.builder().retentionPeriodValue(30).retentionPeriodUnit("DAYS").build()));
        GetRuleResponse changed = rbin.getRule(r -> r.identifier(made.identifier()));
        assertEquals(30, changed.retentionPeriod().retentionPeriodValue());
        assertEquals("golden images", changed.description(), "what was not named is as it was");

        rbin.deleteRule(r -> r.identifier(made.identifier()));
        assertNotFound(() -> rbin.getRule(r -> r.identifier(made.identifier())));
        assertNotFound(() -> rbin.deleteRule(r -> r.identifier(made.identifier())));
    }

    @Test
    void aLockedRuleStaysUntilItsDelayHasPassed() {
        String id = rbin.createRule(r -> r.resourceType(ResourceType.EBS_SNAPSHOT).retentionPeriod(WEEK)).identifier();
        assertEquals(LockState.LOCKED, rbin.lockRule(r -> r.identifier(id).lockConfiguration(delay(7))).lockState());

        assertThrows(ConflictException.class, () -> rbin.deleteRule(r -> r.identifier(id)));
        assertThrows(ConflictException.class, () -> rbin.updateRule(r -> r.identifier(id).description("x")));
        assertEquals(LockState.PENDING_UNLOCK, rbin.unlockRule(r -> r.identifier(id)).lockState());
        GetRuleResponse pending = rbin.getRule(r -> r.identifier(id));
        assertEquals(clock.instant().plus(Duration.ofDays(7)), pending.lockEndTime());
        assertEquals(7, pending.lockConfiguration().unlockDelay().unlockDelayValue());
        ConflictException refused = assertThrows(ConflictException.class, () -> rbin.deleteRule(r -> r.identifier(id)));
        assertEquals("INVALID_RULE_STATE", refused.reasonAsString());

        clock.forward(Duration.ofDays(7));
        assertEquals(LockState.UNLOCKED, rbin.getRule(r -> r.identifier(id)).lockState());
        rbin.deleteRule(r -> r.identifier(id));
    }

    @Test
    void rulesAreListedByKindPageByPage() {
        Set<String> made = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            made.add(rbin.createRule(r -> r.resourceType(ResourceType.EBS_SNAPSHOT).retentionPeriod(WEEK)).identifier());
        }
        rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(WEEK));

        List<String> listed = new ArrayList<>();
        String token = null;
        do {
            String next = token;
            ListRulesResponse page =
                    rbin.listRules(r -> r.resourceType(ResourceType.EBS_SNAPSHOT).maxResults(2).nextToken(next));
            assertTrue(page.rules().size() <= 2, page.toString());
            page.rules().stream().map(RuleSummary::identifier).forEach(listed::add);
            token = page.nextToken();
        } while (token != null);

        assertEquals(made, new HashSet<>(listed));
        assertEquals(made.size(), listed.size(), "each once");
        ValidationException refused = assertThrows(
                ValidationException.class,
                () -> rbin.listRules(r -> r.resourceType(ResourceType.EBS_SNAPSHOT).nextToken("AAAA")));
        assertEquals("INVALID_PAGE_TOKEN", refused.reasonAsString());
    }

    @Test
    void tagsOfARuleComeAndGo() {
        String arn = rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(WEEK)).ruleArn();

        rbin.tagResource(r -> r.resourceArn(arn).tags(
                Tag.builder().key("a").value("1").build(), Tag.builder().key("b").value("2").build()));
        rbin.untagResource(r -> r.resourceArn(arn).tagKeys("a"));

        assertEquals(
                List.of(Tag.builder().key("b").value("2").build()),
                rbin.listTagsForResource(r -> r.resourceArn(arn)).tags());
    }

    @Test
    void nobodyFindsAnothersRulesNorThoseOfAnotherRegion() throws Exception {
        CreateRuleResponse made = rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(WEEK));
        AwsUser others = store.newAccount("them").user();

        for (AwsUser other : List.of(others, user.in("eu-west-1"))) {
            try (RbinClient theirs = other.rbin()) {
                assertNotFound(() -> theirs.getRule(r -> r.identifier(made.identifier())));
                assertNotFound(() -> theirs.deleteRule(r -> r.identifier(made.identifier())));
                assertNotFound(() -> theirs.listTagsForResource(r -> r.resourceArn(made.ruleArn())));
                assertFalse(theirs.listRules(r -> r.resourceType(ResourceType.EC2_IMAGE)).hasRules()
                        && !theirs.listRules(r -> r.resourceType(ResourceType.EC2_IMAGE)).rules().isEmpty());
            }
        }
    }

    @Test
    void refusesWhatBreaksALimit() {
        assertInvalid(() -> rbin.createRule(r -> r.resourceType("TAPE").retentionPeriod(WEEK)));
        assertInvalid(() -> rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(
                RetentionPeriod.builder().retentionPeriodValue(0).retentionPeriodUnit("DAYS").build())));
        assertInvalid(() -> rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(
                RetentionPeriod.builder().retentionPeriodValue(7).retentionPeriodUnit("WEEKS").build())));
        assertInvalid(() -> rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(WEEK)
                .resourceTags(tag("a", "1")).excludeResourceTags(tag("b", "2"))));
        String id = rbin.createRule(r -> r.resourceType(ResourceType.EC2_IMAGE).retentionPeriod(WEEK)).identifier();
        assertInvalid(() -> rbin.lockRule(r -> r.identifier(id).lockConfiguration(delay(6))));
        assertInvalid(() -> rbin.updateRule(r -> r.identifier(id).resourceType(ResourceType.EBS_SNAPSHOT)));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "{", "[]", "null", "{\"RetentionPeriod\":7}", "{\"ResourceType\":1}", "{}{}",
        "{\"ResourceType\":\"EC2_IMAGE\",\"ResourceType\":\"EC2_IMAGE\"}",
        "{\"ResourceType\":\"EC2_IMAGE\",\"RetentionPeriod\":{\"RetentionPeriodValue\":\"7\","
                + "\"RetentionPeriodUnit\":\"DAYS\"}}",
        "{\"ResourceType\":\"EC2_IMAGE\",\"RetentionPeriod\":{\"RetentionPeriodValue\":7,"
                + "\"RetentionPeriodUnit\":\"DAYS\"},\"ResourceTags\":[null]}",
        "{\"ResourceType\":\"EC2_IMAGE\",\"RetentionPeriod\":{\"RetentionPeriodValue\":99999999999,"
                + "\"RetentionPeriodUnit\":\"DAYS\"}}"})
    void refusesBodiesThatAreNoRule(String body) throws Exception {
        HttpResponse<String> answer = send("POST", "/rules", body);

        assertEquals(400, answer.statusCode(), answer.body());
        assertEquals("ValidationException", answer.headers().firstValue("x-amzn-ErrorType").orElse(""));
        assertEquals(
                "INVALID_PARAMETER_VALUE", new ObjectMapper().readTree(answer.body()).get("Reason").textValue());
        assertTrue(rbin.listRules(r -> r.resourceType(ResourceType.EC2_IMAGE)).rules().isEmpty());
    }

    @Test
    void answersUnknownOperationsInItsOwnForm() throws Exception {
        HttpResponse<String> answer = send("PUT", "/rules/abc", "{}");

        assertEquals(404, answer.statusCode(), answer.body());
        assertEquals("UnknownOperationException", answer.headers().firstValue("x-amzn-ErrorType").orElse(""));
    }

    @Test
    void theCliMakesAndListsRules() throws Exception {
        user.aws("rbin", "create-rule", "--resource-type", "EBS_SNAPSHOT", "--retention-period",
                "RetentionPeriodValue=7,RetentionPeriodUnit=DAYS").success();

        String listed = user.aws("rbin", "list-rules", "--resource-type", "EBS_SNAPSHOT").success();

        assertEquals(1, new ObjectMapper().readTree(listed).get("Rules").size(), listed);
    }

    private HttpResponse<String> send(String method, String path, String body) throws Exception {
        List<Header> headers = List.of(new Header("host", user.endpoint().getAuthority()));
        SigV4Signer signer = new SigV4Signer(user.credentials(), user.region().name(), "rbin", Clock.systemUTC());
        HttpRequest.Builder request = HttpRequest.newBuilder(user.endpoint().resolve(path))
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        signer.sign(new SignableRequest(method, path, "", headers, PayloadHash.UNSIGNED))
                .forEach(header -> request.header(header.name(), header.value()));
        return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static ResourceTag tag(String key, String value) {
        return ResourceTag.builder().resourceTagKey(key).resourceTagValue(value).build();
    }

    private static LockConfiguration delay(int days) {
        return LockConfiguration.builder()
                .unlockDelay(delay -> delay.unlockDelayValue(days).unlockDelayUnit("DAYS"))
                .build();
    }

    private static void assertInvalid(Executable call) {
        assertEquals(400, assertThrows(ValidationException.class, call).statusCode());
    }

    private static void assertNotFound(Executable call) {
        RbinException refused = assertThrows(ResourceNotFoundException.class, call);
        assertEquals(404, refused.statusCode());
    }
}
