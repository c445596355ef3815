// How documents are parsed and validated: within the limits, and with messages that show neither values nor hidden names.
import {
  type GraphQLError,
  NoSchemaIntrospectionCustomRule,
  type ParseOptions,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { withoutSchemaNames } from '../messages/hidden-names.js';
import { publicError } from './errors.js';
import { ExactLiteralVariablesRule } from './literal-variables.js';
import { repetitionError } from './repetition.js';
import { limitError, safeRules, syntaxError } from './request-errors.js';
import { UnconditionalSubscriptionRule } from './subscription.js';

export interface RequestRules {
  introspection: boolean;
  maxTokens: number;
  onBug(error: unknown): void;
}

export function useSafeRequestErrors(options: RequestRules): Plugin {
  const standard = [
    ...specifiedRules.map((rule) => safeRules.get(rule) ?? rule),
    ExactLiteralVariablesRule,
    UnconditionalSubscriptionRule,
  ];
  const hideSuggestions = !options.introspection;
  const rules = options.introspection ? standard : [...standard, NoSchemaIntrospectionCustomRule];
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string, rest: ParseOptions) => {
        try {
          return parse(source, { ...rest, maxTokens: options.maxTokens });
        } catch (error) {
          throw syntaxError(error);
        }
      });
    },
    onValidate({ setValidationFn }) {
      // Rules added by other plugins (the limits) are kept. The standard rules are replaced by variants whose messages
      // contain no values.
      setValidationFn((schema, document, requestedRules) => {
        const added = (requestedRules ?? []).filter((rule: ValidationRule) => !specifiedRules.includes(rule));
        const repetition = repetitionError(document);
        if (repetition) return [repetition];
        try {
          const errors = validate(schema, document, [...rules, ...added], { hideSuggestions });
          const safe = errors.map((error) => publicError(limitError(error), options.onBug));
          return options.introspection ? safe : safe.map(withoutSchemaNames);
        } catch (error) {
          // The rules visit fragments recursively, so deep nesting can exhaust the stack.
          if (error instanceof RangeError) return [syntaxError(error) as GraphQLError];
          throw error;
        }
      });
    },
  };
}
