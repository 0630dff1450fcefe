"""Calendars of booking sites, for hosts without a booking system of their own."""
