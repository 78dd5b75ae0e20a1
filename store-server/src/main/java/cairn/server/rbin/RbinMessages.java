package cairn.server.rbin;

import java.math.BigDecimal;
import java.util.List;

/** What the API sends and takes, member by member; a member that is absent is null. */
final class RbinMessages {
    private RbinMessages() {}

    record RetentionPeriod(Integer retentionPeriodValue, String retentionPeriodUnit) {}

    record UnlockDelay(Integer unlockDelayValue, String unlockDelayUnit) {}

    record LockConfiguration(UnlockDelay unlockDelay) {}

    record ResourceTag(String resourceTagKey, String resourceTagValue) {}

    record Tag(String key, String value) {}

    /** Also for UpdateRule, which has no lock and no tags. */
    record RuleRequest(
            RetentionPeriod retentionPeriod,
            String description,
            List<Tag> tags,
            String resourceType,
            List<ResourceTag> resourceTags,
            LockConfiguration lockConfiguration,
            List<ResourceTag> excludeResourceTags) {}

    record LockRequest(LockConfiguration lockConfiguration) {}

    record ListRequest(
            Integer maxResults,
            String nextToken,
            String resourceType,
            List<ResourceTag> resourceTags,
            String lockState,
            List<ResourceTag> excludeResourceTags) {}

    record TagRequest(List<Tag> tags) {}

    /** A rule as every answer has it. @param tags only in the answer to CreateRule */
    record Rule(
            String identifier,
            String description,
            String resourceType,
            RetentionPeriod retentionPeriod,
            List<ResourceTag> resourceTags,
            List<ResourceTag> excludeResourceTags,
            String status,
            LockConfiguration lockConfiguration,
            String lockState,
            BigDecimal lockEndTime,
            String ruleArn,
            List<Tag> tags) {}

    record RuleSummary(
            String identifier, String description, RetentionPeriod retentionPeriod, String lockState, String ruleArn) {}

    record RuleList(List<RuleSummary> rules, String nextToken) {}

    record TagList(List<Tag> tags) {}

    record Failure(String message, String reason) {}
}
