"""The AWS edge. Only a verb that calls AWS imports it, because loading the SDK costs more than most verbs do."""
